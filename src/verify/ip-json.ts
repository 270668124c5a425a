/** Reading what `ip -j` prints: one JSON document a line for each query that was answered. */
import { VxfleetError } from '../errors.js';

export type Json = Readonly<Record<string, unknown>>;

/** Throws protocol when something was said and nothing of it is a document. */
export function documents(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const found = lines.filter((line) => line.startsWith('['));
  if (found.length === 0 && lines[0] !== undefined) throw notJson(lines[0]);
  return found;
}

const notJson = (text: string, cause?: unknown): VxfleetError =>
  new VxfleetError('protocol', `ip answered something that is not JSON: ${text.slice(0, 120)}`, {
    cause,
    hint: 'iproute2 5.10 (Debian 11) or newer is needed.',
  });

/** The entries of one document. */
export function parseArray(text: string): Json[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notJson(text, error);
  }
  return asList(value).map(asJson);
}

/** The entries of all documents. */
export const jsonEntries = (text: string): Json[] => documents(text).flatMap(parseArray);

export const asJson = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
