import { ok } from '../../../base/fault.ts';
import type {
  PutSampleRequest,
  PutSampleResponse,
  TrackSample as SampleMessage,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../access/calls.ts';
import type { TrackSample } from '../../ledger/journal/events.ts';
import { putSample } from '../../operations/samples.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { ms } from './messages.ts';

/** Trusted samples of tracks. */
export function sampleHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    putSample: door.unary<'admin', PutSampleRequest, PutSampleResponse>(
      calls.operator.putSample,
      async (request, { actor }) => {
        const put = await putSample(engine, actor, request);
        if (!put.ok) return put;
        const { sample, sequence } = put.value;
        return ok({ sample: sampleMessage(sample), sequence: BigInt(sequence) });
      },
    ),
  };
}

export function sampleMessage({ version, digest, bytes, classes, putAtMs, reason }: TrackSample): SampleMessage {
  return {
    version: BigInt(version),
    digest,
    sizeBytes: BigInt(bytes),
    classes: classes.map((held) => ({ ...held })),
    putAtMs: ms(putAtMs),
    reason,
  };
}
