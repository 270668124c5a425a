/** An inventory's text for another directory than its own. */
import { isMap, isScalar, parseDocument } from 'yaml';

/** The same text, but for a relative `templates:`, which becomes absolute. Nothing else changes, not even a blank. */
export function withAbsoluteTemplates(text: string, templates: string | undefined): string {
  if (templates === undefined) return text;
  const { contents } = parseDocument(text, { schema: 'failsafe' });
  const value = isMap(contents) ? contents.get('templates', true) : undefined;
  if (!isScalar(value) || value.range == null) return text;
  const [start, end] = value.range;
  return text.slice(0, start) + JSON.stringify(templates) + text.slice(end);
}
