/** Lines of ssh_config that only OpenSSH can follow, handed on to it as they are. Pure. */
import type { ConfigAnswer } from './openssh.js';

/** Each has one word for a value, as `ssh -G` prints it. */
const KEYWORDS = [
  'addressfamily',
  'bindaddress',
  'bindinterface',
  'casignaturealgorithms',
  'ciphers',
  'compression',
  'gssapiauthentication',
  'gssapiclientidentity',
  'gssapidelegatecredentials',
  'gssapikexalgorithms',
  'gssapikeyexchange',
  'gssapiserveridentity',
  'gssapitrustdns',
  'hostbasedacceptedalgorithms',
  'hostbasedauthentication',
  'kexalgorithms',
  'macs',
  'pkcs11provider',
  'preferredauthentications',
  'pubkeyacceptedalgorithms',
  'pubkeyacceptedkeytypes',
  'pubkeyauthentication',
  'requiredrsasize',
  'revokedhostkeys',
  'securitykeyprovider',
] as const;

/**
 * What differs from ssh's own defaults. Without an answer nobody was asked, because no file says anything but what every Debian's does
 * (openssh-config.ts); that much is GSSAPIAuthentication, which costs nothing where neither side has Kerberos.
 */
export function opensshLines(config: ConfigAnswer | undefined): string[] {
  if (config === undefined) return ['GSSAPIAuthentication yes'];
  const { answer, baseline } = config;
  return KEYWORDS.flatMap((keyword) => (answer.changed(keyword, baseline) ?? []).map((value) => `${keyword} ${value}`));
}
