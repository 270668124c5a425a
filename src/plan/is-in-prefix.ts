import { Address6 } from 'ip-address';

/** Is this an IPv6 address inside the prefix? Anything that is no IPv6 address is not. */
export const isInPrefix = (address: string, prefix: string): boolean =>
  Address6.isValid(address) && address.includes(':') && new Address6(address).isInSubnet(new Address6(prefix));
