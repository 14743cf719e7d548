import { ok, type Result, refuse } from '../../../../base/fault.ts';
import type { FlowItem } from '../../../events/source-item.ts';
import { accessLogRecording, isAccessLog } from '../../../recordings/access-log-recording.ts';
import { AddressBook } from '../../../recordings/address-book.ts';
import { csvFlowRecording } from '../../../recordings/csv-flow-file.ts';
import { sortedFlows } from '../../../recordings/sorted-flows.ts';
import { ApiIntake } from '../requests/api-intake.ts';
import type { ApiChain } from '../requests/chain.ts';

export type ApiFileRead = Readonly<{
  requests: number;
  chains: number;
  /** Passed over, by reason; flows without a request are `NO_REQUEST`. */
  skipped: Readonly<Record<string, number>>;
  /** Reading ended with this error; what came before it was taken. */
  broken?: string;
}>;

export type ApiFile = Readonly<{
  /** In the order in which they ended. */
  chains: readonly ApiChain[];
  read: ApiFileRead;
}>;

/** Files of one command line are about the same subjects; hashes go nowhere. */
const salt = new Uint8Array(32);

/** The chains of a recorded file of requests. */
export async function readApiChains(
  path: string,
  part: string | undefined,
): Promise<Result<ApiFile, 'INPUT_UNREADABLE'>> {
  const chains: ApiChain[] = [];
  const read = await eachApiChain(path, part, (chain) => chains.push(chain));
  return read.ok ? ok({ chains, read: read.value }) : read;
}

/**
 * Takes the chains of a recorded file of requests (a table or log of flows that carry them), in order of time and in bounded
 * memory. Refuses a file without any.
 */
export async function eachApiChain(
  path: string,
  part: string | undefined,
  take: (chain: ApiChain) => void,
): Promise<Result<ApiFileRead, 'INPUT_UNREADABLE'>> {
  const intake = new ApiIntake({ salt }).from({ recorded: true });
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  let [requests, chains, order] = [0, 0, 0];
  const takeAll = (closed: readonly ApiChain[]) => {
    chains += closed.length;
    for (const chain of closed) take(chain);
  };
  let broken: string | undefined;
  try {
    for await (const items of sortedFlows(await recordingOf(path, part))) {
      for (const item of items) {
        order += 1;
        if (item.kind === 'skipped') skip(item.reason);
        if (item.kind !== 'flow') continue;
        if (item.flow.request === undefined) skip('NO_REQUEST');
        else requests += 1;
        takeAll(intake.push(item, order, 0));
      }
    }
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error);
  }
  takeAll(intake.flush());
  const read = { requests, chains, skipped, ...(broken !== undefined && { broken }) };
  if (chains > 0) return ok(read);
  const question = broken === undefined ? '; is it a file of requests with a header?' : '';
  return refuse('INPUT_UNREADABLE', `${path}: ${sentenceOf(read)}${question}`);
}

/** A proxy's access log, or a table or log of flows. Who wrote an access log is not said in a file: where lines need it, a proxy. */
async function recordingOf(path: string, part: string | undefined): Promise<AsyncIterable<readonly FlowItem[]>> {
  const addresses = new AddressBook();
  if (!(await isAccessLog(path))) return csvFlowRecording(path, { addresses, part });
  return accessLogRecording(path, { self: { namespace: '', workload: 'proxy' }, addresses });
}

/** What was read, and what was passed over. */
export function sentenceOf({ chains, requests, skipped, broken }: ApiFileRead): string {
  const parts = Object.entries(skipped).map(([reason, count]) => `${count} passed over (${reason})`);
  if (broken !== undefined) parts.push(broken);
  return [`${requests} requests in ${chains} chains`, ...parts].join('; ');
}
