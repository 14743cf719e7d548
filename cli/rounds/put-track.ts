import type { PutTrackRequest, PutTrackResponse } from '../../proto/generated/testudo/v1/operator.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import type { OperatorConnection } from '../operator/connection.ts';

/** Settings, then the model in chunks, each waiting until there is room. */
export async function putTrack(
  connection: OperatorConnection,
  settings: Extract<NonNullable<PutTrackRequest['part']>, { $case: 'settings' }>['value'],
  model: Buffer,
): Promise<PutTrackResponse> {
  const { promise, resolve } = Promise.withResolvers<PutTrackResponse>();
  let isWhole = false; // Nothing is done before all of it was sent.
  const stream = connection.client.putTrack((error, response) => {
    if (error === null) resolve(response);
    else connection.failed(error, isWhole);
  });
  const write = (part: NonNullable<PutTrackRequest['part']>) =>
    new Promise<void>((done) => {
      if (stream.write({ part })) done();
      else stream.once('drain', done);
    });
  await write({ $case: 'settings', value: settings });
  for (let at = 0; at < model.byteLength; at += chunkBytes) {
    await write({ $case: 'modelChunk', value: model.subarray(at, at + chunkBytes) });
  }
  isWhole = true;
  stream.end();
  return promise;
}
