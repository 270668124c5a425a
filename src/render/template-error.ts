import { VxfleetError } from '../errors.js';

/** Where in a template something stands, both from 1. */
export interface TemplatePosition {
  readonly line: number;
  readonly column: number;
}

/** `file:line:column: message`, the source line and a caret, as the inventory's problems are shown. */
export function templateError(
  file: string,
  source: string,
  { line, column }: TemplatePosition,
  message: string,
  details: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
): VxfleetError {
  const sourceLine = source.split('\n')[line - 1]?.trimEnd() ?? '';
  const caret = sourceLine.slice(0, column - 1).replace(/[^\t]/g, ' ') + '^';
  return new VxfleetError('inventory', `${file}:${line}:${column}: ${message}\n  ${sourceLine}\n  ${caret}`, details);
}
