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
export const asNumber = (value: unknown): number | undefined =>
  Number.isFinite(value) ? (value as number) : undefined;

/** Addresses go on, in lines and words, to the other host: what is none is as if it were not there. */
export const asIpv4 = (value: unknown): string | undefined => asTextIf(value, isIPv4);
export const asIpv6 = (value: unknown): string | undefined => asTextIf(value, isIPv6);
export const asAddress = (value: unknown): string | undefined => asIpv4(value) ?? asIpv6(value);

/** `default`, or an IPv6 prefix, which of a host has no length. */
export const asPrefix = (value: unknown): string | undefined =>
  asTextIf(value, (text) => {
    const [address = '', length = '128', ...rest] = text.split('/');
    const isPrefix = isIPv6(address) && /^\d{1,3}$/.test(length) && Number(length) <= 128;
    return text === 'default' || (isPrefix && rest.length === 0);
  });

/** A name that the kernel takes for a device. */
export const asDevice = (value: unknown): string | undefined =>
  asTextIf(value, (text) => /^[^\s/\p{C}]{1,15}$/u.test(text));

const isIPv4 = (text: string): boolean => /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);

/** The last two groups may be written as a dotted quad. No zone. */
function isIPv6(text: string): boolean {
  const quad = /[\d.]*\.[\d.]*$/.exec(text)?.[0];
  if (quad !== undefined) return isIPv4(quad) && isIPv6(`${text.slice(0, -quad.length)}0:0`);
  const [head = '', tail, ...more] = text.split('::');
  const groups = [head, tail ?? ''].flatMap((part) => (part === '' ? [] : part.split(':')));
  const isWhole = tail === undefined ? groups.length === 8 : groups.length < 8 && more.length === 0;
  return isWhole && text.length <= 45 && groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group));
}

const asTextIf = (value: unknown, fits: (text: string) => boolean): string | undefined =>
  typeof value === 'string' && fits(value) ? value : undefined;
