/** The password of `--ask-pass` as login methods, after every key. */
import type { EffectiveTarget } from './effective-target.js';
import type { LoginMethod } from './login-method.js';

/** Sent only to a host whose key is trusted, and once: both methods ask for the same password. */
export function passwordMethods({ user: username }: EffectiveTarget, password: string | undefined): LoginMethod[] {
  if (password === undefined) return [];
  return [
    {
      type: 'password',
      label: 'the password',
      prepare: async () => ({ type: 'password', username, password }),
    },
    {
      type: 'keyboard-interactive',
      label: 'the password (keyboard-interactive)',
      prepare: async () => ({
        type: 'keyboard-interactive',
        username,
        // What shows what is typed, or asks for two things at once, does not ask for a password alone.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.length === 1 && prompts[0]?.echo !== true ? [password] : []),
      }),
    },
  ];
}
