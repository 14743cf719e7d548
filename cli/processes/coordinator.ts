import { hostname } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { letHeapGrow } from '../../base/heap.ts';
import { coordinatorConfigJsonSchema, readConfigFile } from '../../coordinator/config/config.ts';
import { schemaCommand } from '../config-schema.ts';
import { orExit } from '../exit.ts';
import { exportRootCommand, renewIssuerCommand } from './coordinator/authority.ts';
import { packCommand, unpackCommand } from './coordinator/founding.ts';
import { initCommand } from './coordinator/init.ts';
import { backupCommand, verifyCommand } from './coordinator/keeping.ts';
import { moveCommand } from './coordinator/move.ts';
import { pagesFolder, startRefused, stopAsked } from './coordinator/running.ts';
import {
  addCosignatureCommand,
  checkpointKeyCommand,
  exportAuditCommand,
  proveCommand,
} from './coordinator/transparency.ts';

const traces = `
Traces: every call and every round is a span of the OpenTelemetry API, and clients' traces go on here. They go nowhere
until an SDK is loaded before this command, by NODE_OPTIONS='--import FILE' (docs/operations.md, "Traces").`;

/** `testudo coordinator`: the process itself, and what is done beside it on its own machine. */
export function coordinatorCommand() {
  return new Command('coordinator')
    .description('run a coordinator, or look after its authority')
    .enablePositionalOptions() // --config after a verb of ours is that verb's.
    .addHelpText('after', traces)
    .option('-c, --config <file>', 'its configuration', './coordinator.yaml')
    .option('-s, --set <path=value...>', 'settings that win over the file and the environment')
    .option('--standby', 'wait beside the coordinator that leads on the same database, and take over when it is gone')
    .action(async ({ config: path, set, standby }) => {
      letHeapGrow();
      const config = orExit(readConfigFile(path, { environment: process.env, settings: set ?? [] }));
      const { startCoordinator } = await import('../../coordinator/coordinator.ts');
      const { writeLightForm } = await import('./coordinator/light-form.ts');
      const { sampleReaderUrl } = await import('./coordinator/sample-reader-worker.ts');
      const waiting = standby ? { standby: stoppedWhileWaiting() } : {};
      const given = { ...waiting, lightForm: writeLightForm, sampleReader: sampleReaderUrl, pages: pagesFolder };
      const started = await startCoordinator(config, given).catch(startRefused);
      if (!started.ok && started.fault.code === 'STANDBY_STOPPED') return; // As it was told to.
      const coordinator = orExit(started);
      await stopAsked(coordinator.halted);
      await coordinator.close();
    })
    .addCommand(initCommand(hostname()))
    .addCommand(schemaCommand('coordinator.yaml', coordinatorConfigJsonSchema))
    .addCommand(exportRootCommand())
    .addCommand(renewIssuerCommand())
    .addCommand(verifyCommand())
    .addCommand(exportAuditCommand())
    .addCommand(proveCommand())
    .addCommand(addCosignatureCommand())
    .addCommand(checkpointKeyCommand())
    .addCommand(backupCommand())
    .addCommand(moveCommand())
    .addCommand(packCommand())
    .addCommand(unpackCommand());
}

/** Aborted by SIGTERM or SIGINT: a standby that is stopped has nothing to finish. */
function stoppedWhileWaiting(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  return stopping.signal;
}
