import { closeSync, openSync, readFileSync } from 'node:fs';
import type { AggregationContext } from '../../aggregation/aggregate.ts';
import type { UpdateBlocks } from '../../aggregation/blocks/blocks.ts';
import { appendRow } from '../../aggregation/blocks/views.ts';
import type { DeclaredClasses } from '../../aggregation/class-blocks.ts';
import { asksOf } from '../../aggregation/policy.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import type { Digest } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import type { AggregationJob, RunFaultCode } from './job.ts';
import type { OpenedUpdates } from './opening/open-updates.ts';
import { loadSampleReader } from './sample-reader.ts';
import { readValues } from './server-state.ts';

/** What updates are judged by beside one another; `close` gives back what a sample's detector holds. */
type Judging = Readonly<{
  context: Pick<AggregationContext, 'base' | 'trusted' | 'classes' | 'shape'>;
  /** The updates, and after them the sample's own where it is counted as one. */
  blocks: UpdateBlocks;
  close(): void;
}>;

/** Of a table's norm: float32 rounding of a million slots stays a hundred times below it. */
const shapeTolerance = 0.02;

/**
 * The base, and of the classes that updates declare, the shape that their tables must have and the trusted sample as much as
 * the spec and the rule ask for.
 */
export async function judging(
  job: AggregationJob,
  updates: OpenedUpdates & Readonly<{ blocks: UpdateBlocks }>,
  { path, sampleReader }: Readonly<{ path: (digest: Digest) => string; sampleReader?: string | undefined }>,
): Promise<Result<Judging, RunFaultCode>> {
  const asks = asksOf(job.policy.rule);
  const classes = declaredClasses(job, updates);
  const norm = classBlocksOf(job.spec)?.tableNorm;
  const { blocks } = updates;
  const sample = asks.sample === 'no' && job.sampleHolds !== true ? undefined : job.sample;
  const base = baseOf(job, path(job.base.digest));
  const context = {
    base,
    ...(classes && { classes }),
    ...(norm && { shape: { norm, tolerance: shapeTolerance } }),
  };
  if (sample === undefined) return ok({ context, blocks, close: () => undefined });
  const reader = await loadSampleReader(sampleReader);
  if (!reader.ok) return reader;
  const read = await reader.value.readSample(job.spec, readFileSync(path(sample)), base);
  if (!read.ok) return refuse('AGGREGATION_REFUSED', `${read.fault.code}: ${read.fault.message}`);
  const trusted = { ...context, trusted: read.value };
  const close = () => read.value.close();
  if (job.sampleHolds !== true) return ok({ context: trusted, blocks, close });
  const { reference, loss } = read.value;
  if (reference === undefined) {
    close();
    const why = `models of ${job.spec.architecture} make no update of a sample`;
    return refuse('AGGREGATION_REFUSED', `${why}; leave sample.holds out of the policy`);
  }
  const known = new Set(classes?.blocks.map((block) => block.class));
  const held = classes && {
    ...classes,
    declared: [...classes.declared, loss.covered.filter((name) => known.has(name))],
  };
  return ok({
    context: { ...trusted, ...(held && { classes: held }) },
    blocks: appendRow(blocks, Float64Array.from(reference)),
    close,
  });
}

function declaredClasses({ spec }: AggregationJob, { opened }: OpenedUpdates): DeclaredClasses | undefined {
  const blocks = classBlocksOf(spec)?.blocks;
  if (blocks === undefined) return undefined;
  return {
    blocks: blocks.map(({ className, offset, length }) => ({ class: className, ranges: [{ offset, length }] })),
    declared: opened.map(({ classes }) => classes ?? []),
  };
}

function baseOf({ spec }: AggregationJob, path: string): Float32Array {
  const fd = openSync(path, 'r');
  try {
    return readValues(fd, 0, layoutOf(spec).length);
  } finally {
    closeSync(fd);
  }
}
