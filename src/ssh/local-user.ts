/** The account that runs us. */
import { userInfo } from 'node:os';

export interface LocalUser {
  readonly name: string;
  readonly uid: number;
  /** As passwd has it; undefined = it has none. */
  readonly home: string | undefined;
}

/** A uid without a name in passwd, as containers have them, is its own name. */
export function localUser(): LocalUser {
  try {
    const { username, uid, homedir } = userInfo();
    return { name: username, uid, home: homedir };
  } catch {
    const uid = process.getuid?.() ?? 0;
    return { name: String(uid), uid, home: undefined };
  }
}
