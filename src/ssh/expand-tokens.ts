/** The %-tokens, ${VARIABLES} and ~ of ssh_config's values, which `ssh -G` prints as they were written. Pure. */
import { VxfleetError } from '../errors.js';

/** What the tokens stand for, by their letter. */
export type Tokens = Readonly<Record<'d' | 'h' | 'i' | 'k' | 'L' | 'l' | 'n' | 'p' | 'r' | 'u', string>>;

/** Throws `usage` for a token that is not known here (%C, %j, …): a value with a hole in it must not be used. */
export function expandTokens(text: string, tokens: Tokens, keyword: string): string {
  return text.replace(/%(.?)/gs, (token, letter: string) => {
    if (letter === '%') return '%';
    const value = Object.entries(tokens).find(([name]) => name === letter)?.[1];
    if (value !== undefined) return value;
    throw new VxfleetError('usage', `${keyword} of ssh_config has ${token}, which vxfleet does not expand: ${text}`, {
      hint: `vxfleet knows ${Object.keys(tokens)
        .map((name) => `%${name}`)
        .join(' ')} and %%`,
    });
  });
}

/** A path of ssh_config's: `~/`, `${VARIABLES}` and tokens. @throws VxfleetError usage */
export function expandPath(
  path: string,
  tokens: Tokens,
  environment: Readonly<Record<string, string | undefined>>,
  keyword: string,
): string {
  const withHome = path === '~' || path.startsWith('~/') ? `${tokens.d}${path.slice(1)}` : path;
  const withVariables = withHome.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = environment[name];
    if (value !== undefined) return value;
    throw new VxfleetError('usage', `${keyword} of ssh_config uses \${${name}}, which is not set: ${path}`);
  });
  return expandTokens(withVariables, tokens, keyword);
}
