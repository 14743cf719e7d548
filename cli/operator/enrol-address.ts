import { hostOf } from '../../base/serving/listen.ts';
import { addressesIn, parseAddress } from '../../client/link/address.ts';
import { usage } from '../exit.ts';

/** For the help of an option: what `enrolAddressOf` makes of an address. */
export const enrolmentPortText = 'the port before it, as `coordinator init --listen` lays them out';

/** Where each host that serves the federation at `address` enrols, unless somebody says otherwise: at the port before. 0 is refused by whoever reads it. */
export function enrolAddressOf(address: string): string {
  return addressesIn(address)
    .map((one) => `${hostOf(one)}:${Number(one.slice(one.lastIndexOf(':') + 1)) - 1}`)
    .join(',');
}

/** Ends with a usage error unless each of these, an option's value, is an address of a coordinator. */
export function checkAddresses(option: string, value: string, addresses: readonly string[]): void {
  if (!addresses.every((one) => parseAddress(one).ok)) usage(`${option}: expected host:port, got ${value}`);
}
