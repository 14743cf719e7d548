import { hostOf } from '../../base/serving/listen.ts';
import { addressesIn, parseAddress } from '../../client/link/address.ts';
import { usage } from '../exit.ts';

/** The enrolment port of a coordinator, unless somebody says another. */
export const enrolmentPort = 7441;

/** The usual enrolment port of each host that serves the federation, as `address` names them. */
export function enrolAddressOf(address: string): string {
  return addressesIn(address)
    .map((one) => `${hostOf(one)}:${enrolmentPort}`)
    .join(',');
}

/** Ends with a usage error unless each of these, an option's value, is an address of a coordinator. */
export function checkAddresses(option: string, value: string, addresses: readonly string[]): void {
  if (!addresses.every((one) => parseAddress(one).ok)) usage(`${option}: expected host:port, got ${value}`);
}
