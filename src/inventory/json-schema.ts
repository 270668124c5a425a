import * as z from 'zod';
import { fieldOfSchema, fileSchema } from './schema.js';

/**
 * The JSON Schema of an inventory file, for editors: names, descriptions and bounds. It is made from the same schema that reads
 * the file; integers may also be text, since editors take `08` for text where vxfleet reads 8.
 */
export function inventoryJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      const field = fieldOfSchema.get(zodSchema);
      if (field === undefined) return;
      delete jsonSchema.type;
      Object.assign(jsonSchema, field.jsonSchema);
    },
  });
  return { ...schema, title: 'vxfleet inventory' };
}
