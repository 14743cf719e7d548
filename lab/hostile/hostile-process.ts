/**
 * A compromised cluster of the main job: `node hostile-process.ts CONFIG INDEX SEED`. It enrols, trains, seals and signs as
 * every client does, and then sends something else than what it learnt.
 */
import '../../base/require-node.mjs';
import { unwrap } from '../../base/fault.ts';
import { startClient } from '../../client/client.ts';
import { readClientConfig } from '../../client/config.ts';
import { numberOfRound } from '../../proto/ids.ts';
import { forgedDelta } from './schedule.ts';

const [configPath = '', index = '0', seed = '0'] = process.argv.slice(2);
const config = unwrap(readClientConfig(configPath, { environment: process.env }));
const client = unwrap(
  await startClient(config, {
    transformDelta: (delta, { round }) => forgedDelta(delta, Number(index), numberOfRound(round), Number(seed)),
  }),
);
process.once('SIGTERM', () => void client.close());
process.once('SIGINT', () => void client.close());
await client.done;
