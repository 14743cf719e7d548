import { Command } from '@commander-js/extra-typings';
import { letHeapGrow } from '../../base/heap.ts';
import { readConfigFile } from '../../coordinator/config/config.ts';
import { exitCodes, orExit } from '../exit.ts';

/** `testudo worker`: runs aggregations for a coordinator that has a Redis URL. */
export function workerCommand() {
  return new Command('worker')
    .description('run aggregations for a coordinator with Redis; shares its configuration and its data directory')
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .option('-s, --set <path=value...>', 'settings that win over the file and the environment')
    .action(async ({ config: path, set }) => {
      letHeapGrow();
      const config = orExit(readConfigFile(path, { environment: process.env, settings: set ?? [] }));
      const { startWorker } = await import('../../coordinator/worker.ts');
      const { sampleReaderUrl } = await import('./coordinator/sample-reader-worker.ts');
      const worker = orExit(await startWorker(config, { sampleReader: sampleReaderUrl }));
      await new Promise<void>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) {
          process.once(signal, () => {
            process.once(signal, () => process.exit(exitCodes.refused)); // Asked twice: the job is done elsewhere.
            resolve();
          });
        }
      });
      await worker.close();
    });
}
