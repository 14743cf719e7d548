/** The enrolment port of a coordinator, unless somebody says another. */
export const enrolmentPort = 7441;

/** The usual enrolment port of the host that serves the federation at `address`. */
export function enrolAddressOf(address: string): string {
  return `${address.slice(0, address.lastIndexOf(':'))}:${enrolmentPort}`;
}
