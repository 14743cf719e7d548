import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { parse, stringify } from 'yaml';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { readWhole, readWholeText } from '../../../base/text/read-whole.ts';
import { readConfigFile } from '../../../coordinator/config/config.ts';
import { exitWith, orExit } from '../../exit.ts';
import { manifests, namespace, namespaceFrom, secret } from '../../kubernetes/manifests.ts';
import { complain, print } from '../../print.ts';

/** `testudo coordinator pack`: what a chart's coordinator begins with, from a folder that `init` made. */
export function packCommand() {
  return new Command('pack')
    .description("what a coordinator in Kubernetes begins with: Secrets, and the chart's values")
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .option('--namespace <name>', 'where it will run', namespaceFrom, 'testudo')
    .option('--chart <path>', 'where the chart is', 'deploy/chart/testudo')
    .option('--service <type>', 'how clusters reach it: LoadBalancer, NodePort, ClusterIP', 'LoadBalancer')
    .option('--gitops', 'write no secret: the manifests go to standard output, to be applied or sealed')
    .requiredOption('--out <folder>', 'where values.yaml and secrets.yaml go')
    .action(async ({ config: path, namespace: place, chart, service: type, gitops, out }) => {
      const config = orExit(readConfigFile(path, { environment: process.env }));
      if (config.masterKey.kind !== 'file') {
        const message = 'pack reads masterKey from a file; make the Secret testudo-master-key by hand for another kind';
        exitWith({ code: 'MASTER_KEY_UNUSABLE', message });
      }
      const { packFounding } = await import('../../../coordinator/founding-archive.ts');
      const founding = orExit(await packFounding(config.dataDirectory));
      // What stands in the pod is the chart's to say, and tracks are in the data by now.
      const {
        federation: _federation,
        serverNames: _serverNames,
        dataDirectory: _dataDirectory,
        masterKey: _masterKey,
        listen: _listen,
        tracks: _tracks,
        ...rest
      } = parse(readWholeText(path)) as Record<string, unknown>;
      const { federation, serverNames } = config;
      const values = { coordinator: { enabled: true, federation, serverNames, service: { type }, config: rest } };
      await writeFileAtomic(join(out, 'values.yaml'), stringify(values));
      const secrets = manifests([
        namespace(place),
        secret(place, 'testudo-master-key', { 'master.key': readWhole(config.masterKey.path) }),
        secret(place, 'testudo-founding', { 'founding.gz': founding }),
      ]);
      if (gitops) print(secrets.trimEnd());
      else await writeFileAtomic(join(out, 'secrets.yaml'), secrets);
      const lines = [
        ...(gitops ? [] : [`kubectl apply -f ${join(out, 'secrets.yaml')}     # as secret as the master key`]),
        `helm install testudo ${chart} --namespace ${place} --values ${join(out, 'values.yaml')}`,
      ];
      complain(`the coordinator of ${federation} is packed:\n\n${lines.join('\n')}`);
    });
}

/** `testudo coordinator unpack`: what the chart runs before the coordinator; does nothing once there is data. */
export function unpackCommand() {
  return new Command('unpack')
    .description('fill an empty data directory with what `coordinator pack` wrote')
    .argument('<file>', 'what was packed')
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .action(async (file, { config }) => {
      const { dataDirectory } = orExit(readConfigFile(config, { environment: process.env }));
      const { unpackFounding } = await import('../../../coordinator/founding-archive.ts');
      const filled = orExit(await unpackFounding(dataDirectory, file));
      print(filled ? `${dataDirectory} is founded` : `${dataDirectory} holds a journal: nothing to do`);
    });
}
