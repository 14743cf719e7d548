import { addressesIn } from '../../client/link/address.ts';

/** The enrolment port of a coordinator, unless somebody says another. */
export const enrolmentPort = 7441;

/** The usual enrolment port of each host that serves the federation, as `address` names them. */
export function enrolAddressOf(address: string): string {
  return addressesIn(address)
    .map((one) => `${one.slice(0, one.lastIndexOf(':'))}:${enrolmentPort}`)
    .join(',');
}
