import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { AddressBook } from '../../../recordings/address-book.ts';
import { csvFlowRecording } from '../../../recordings/csv-flow-file.ts';
import { sortedFlows } from '../../../recordings/sorted-flows.ts';
import { ApiIntake } from '../requests/api-intake.ts';
import type { ApiChain } from '../requests/chain.ts';

export type ApiFile = Readonly<{
  /** In the order in which they ended. */
  chains: readonly ApiChain[];
  requests: number;
  /** Passed over, by reason; flows without a request are `NO_REQUEST`. */
  skipped: Readonly<Record<string, number>>;
  /** Reading ended with this error; what came before it is in the chains. */
  broken?: string;
}>;

/** Files of one command line are about the same subjects; hashes go nowhere. */
const salt = new Uint8Array(32);

/** The chains of recorded files of requests (tables or logs of flows that carry requests), in order of time. */
export async function readApiChains(
  path: string,
  part: string | undefined,
): Promise<Result<ApiFile, 'INPUT_UNREADABLE'>> {
  const intake = new ApiIntake({ salt }).from({ recorded: true });
  const chains: ApiChain[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  let [requests, order] = [0, 0];
  let broken: string | undefined;
  try {
    for await (const items of sortedFlows(csvFlowRecording(path, { addresses: new AddressBook(), part }))) {
      for (const item of items) {
        order += 1;
        if (item.kind === 'skipped') skip(item.reason);
        if (item.kind !== 'flow') continue;
        if (item.flow.request === undefined) skip('NO_REQUEST');
        else requests += 1;
        chains.push(...intake.push(item, order, 0));
      }
    }
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error);
  }
  chains.push(...intake.flush());
  const file = { chains, requests, skipped, ...(broken !== undefined && { broken }) };
  if (chains.length > 0) return ok(file);
  const message = `${path}: ${sentenceOf(file)}; is it a file of requests with a header?`;
  return refuse('INPUT_UNREADABLE', message);
}

/** What was read, and what was passed over. */
export function sentenceOf({ chains, requests, skipped, broken }: ApiFile): string {
  const parts = Object.entries(skipped).map(([reason, count]) => `${count} passed over (${reason})`);
  if (broken !== undefined) parts.push(broken);
  return [`${requests} requests in ${chains.length} chains`, ...parts].join('; ');
}
