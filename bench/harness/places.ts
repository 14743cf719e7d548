import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import type { Addresses } from '../../lab/rig/coordinator-process.ts';

/** For who must be known before there is one to listen, and comes back where it was. */
export async function freePlace(): Promise<Addresses> {
  const [enrolment, federation, health] = (await lastingPorts(3)).map((port) => `127.0.0.1:${port}`);
  return { enrolment, federation, health } as Addresses;
}
