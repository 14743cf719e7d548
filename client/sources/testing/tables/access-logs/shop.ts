import { AddressBook } from '../../../../recordings/address-book.ts';
import { meshAccessLog } from '../../../flow/mesh-access-log.ts';
import type { ReaderTable } from '../../reader-case.ts';

/** The workload whose proxy writes all of these lines. */
export const orders = { kind: 'workload', namespace: 'shop', workload: 'orders' };
export const stock = { kind: 'workload', namespace: 'shop', workload: 'stock' };
export const peer = { kind: 'workload', namespace: '', workload: '10.244.5.3' };
/** An end outside, with the address or host that an egress was for. */
export const outside = (workload: string) => ({ kind: 'world', namespace: '', workload });
export const world = outside('');

export const flow = (flow: Readonly<Record<string, unknown>>) => ({ kind: 'flow' as const, flow });
export const refused = { kind: 'skipped' as const, reason: 'FORGED_OR_BROKEN' };
export const badField = { kind: 'skipped' as const, reason: 'BAD_FIELD' };
export const badTime = { kind: 'skipped' as const, reason: 'BAD_TIME' };
export const noDirection = { kind: 'skipped' as const, reason: 'DIRECTION_UNKNOWN' };

const mesh = { self: { namespace: 'shop', workload: 'orders' }, addresses: new AddressBook() };

export const openOfOrders: ReaderTable['open'] = (path, follow) => meshAccessLog(path, { follow, mesh });
