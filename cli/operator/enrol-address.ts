import { hostOf } from '../../base/serving/listen.ts';
import { addressesIn, parseAddress } from '../../client/link/address.ts';
import { usage } from '../exit.ts';

/** For the help of an option: what `enrolAddressOf` makes of an address. */
export const enrolmentPortText =
  'the port before it, as `coordinator init --listen` lays them out, where that is above 1024';

/** The lowest port of a federation from which it is told: below it ports are of services, such as 443 of a load balancer, and say nothing of the one before. */
const tellingMin = 1_025;

/**
 * Where each host that serves the federation at `address` enrols, unless somebody says otherwise: at the port before. Ends with a usage
 * error where that is no more than a guess. What is no address is refused by whoever reads it.
 */
export function enrolAddressOf(address: string): string {
  return addressesIn(address)
    .map((one) => {
      const port = Number(one.slice(one.lastIndexOf(':') + 1));
      if (port > 0 && port < tellingMin) usage(`--enrol: ${one} does not tell where it enrols; give its host:port`);
      return `${hostOf(one)}:${port - 1}`;
    })
    .join(',');
}

/** Ends with a usage error unless each of these, an option's value, is an address of a coordinator. */
export function checkAddresses(option: string, value: string, addresses: readonly string[]): void {
  if (!addresses.every((one) => parseAddress(one).ok)) usage(`${option}: expected host:port, got ${value}`);
}
