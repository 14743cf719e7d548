import type { FlowItem, SkipReason } from '../../events/source-item.ts';
import { noticeCutLine } from './unread-ends.ts';

/** What a line is passed over for that lacks its second half. */
const halfReasons: ReadonlySet<SkipReason> = new Set([
  'MALFORMED_JSON',
  'MALFORMED_CSV',
  'WRONG_FIELD_COUNT',
  'BAD_FIELD',
  'BAD_TIME',
  'NOT_AN_ACCESS_LOG_LINE',
  'FORGED_OR_BROKEN',
]);

/** The same batches; where the last line of `source` makes no sense and has no end, whoever answers for the whole hears of it. */
export async function* noticingCutLine(source: object, batches: AsyncIterable<FlowItem[]>): AsyncGenerator<FlowItem[]> {
  let last: FlowItem | undefined;
  for await (const items of batches) {
    last = items.at(-1) ?? last;
    yield items;
  }
  if (last?.kind === 'skipped' && halfReasons.has(last.reason)) noticeCutLine(source);
}
