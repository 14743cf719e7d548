import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { jsonLine, time } from '../../base/text/table.ts';
import { makeHubAuthority } from '../../client/hub/authority.ts';
import { exitWith, usage } from '../exit.ts';
import { clusterValues, installLines, sensorLabels } from '../kubernetes/cluster-values.ts';
import { manifests, namespace, namespaceFrom, secret } from '../kubernetes/manifests.ts';
import { clientStart } from '../operator/client-start.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { enrolmentPortText } from '../operator/enrol-address.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { pages } from '../operator/pages.ts';
import { complain, print } from '../print.ts';
import { takesPlaceText } from './takes-place.ts';
import { labelOf, secondsOf } from './tokens.ts';

/** `testudo cluster`: one Kubernetes cluster, from a token to a chart installed in it, and out again. */
export function clusterCommand() {
  return new Command('cluster').description('a Kubernetes cluster: add, remove').addCommand(add()).addCommand(remove());
}

function add() {
  return operatorCommand(
    'add',
    'what a cluster is installed with: join token, values, root anchor, and the lines to type',
  )
    .argument('<cluster>')
    .requiredOption('--out <folder>', 'where the files go')
    .option('--namespace <name>', 'where Testudo runs in that cluster', namespaceFrom, 'testudo')
    .option('--chart <path>', 'where the chart is', 'deploy/chart/testudo')
    .option(
      '--coordinator <host:port>',
      'where the cluster reaches the coordinator; as the credentials say unless given',
    )
    .option('--enrol <host:port>', `where it enrols; as the credentials say, or ${enrolmentPortText}`)
    .option('--hours <count>', 'how long the token may be used, up to 720', '24')
    .option('--label <key=value...>', 'labels that the cluster will carry')
    .option('--gitops', 'write no secret: its manifest goes to standard output, to be sealed')
    .action((cluster, options) =>
      withConnection(options, async (connection) => {
        if (options.gitops && options.json) usage('--gitops prints a manifest, so --json cannot print beside it');
        const { client } = connection;
        const lifetimeSeconds = secondsOf(options.hours);
        const labels = (options.label ?? []).map(labelOf);
        const start = await clientStart(connection, options);
        if (start.foreign.length > 0)
          complain(`not in values.yaml, since a client does not bring it: track ${start.foreign.join(', ')}`);
        const { out, namespace: place, chart } = options;
        makeFolder(out, privateFolderMode);
        await writeFileAtomic(join(out, 'values.yaml'), stringify(clusterValues(start)));
        await writeFileAtomic(join(out, 'root.json'), start.trustAnchor);
        const authority = await makeHubAuthority(Date.now());
        const before = await openTokensOf(connection, cluster);
        // Last of all: a token that is good once is not spent on a command that fails.
        const created = await connection.call(client.createToken, { cluster, lifetimeSeconds, labels });
        const takes = takesPlaceText(cluster, created, labels);
        if (takes !== undefined) complain(takes);
        const secrets = manifests([
          namespace(place, sensorLabels),
          secret(place, 'testudo-join-token', { token: created.token }),
          secret(place, 'testudo-hub-authority', { 'tls.crt': authority.certificate, 'tls.key': authority.key }),
        ]);
        if (options.gitops) print(secrets.trimEnd());
        else await writeFileAtomic(join(out, 'secrets.yaml'), secrets);
        // Only now: were the new one lost on its way, the earlier one would still let the cluster in.
        const reason = `replaced by ${created.tokenId}`;
        for (const tokenId of before) await connection.call(client.revokeToken, { tokenId, reason });
        if (before.length > 0) complain(`void from now on: token ${before.join(', ')}, which nobody had used`);
        const lines = installLines({ chart, place, folder: out, secrets: !options.gitops });
        const { tokenId, expiresAtMs } = created;
        if (options.json) {
          const files = ['values.yaml', 'root.json', 'secrets.yaml'].map((name) => join(out, name));
          const more = { foreignTracks: start.foreign, voidedTokens: before };
          return print(jsonLine({ cluster, tokenId, expiresAtMs, files, install: lines, ...more }));
        }
        complain(
          `${cluster} may enrol once, until ${time(created.expiresAtMs)} (token ${created.tokenId}):\n\n${lines.join('\n')}`,
        );
      }),
    );
}

/** Tokens for this cluster that could still be used, by id. */
async function openTokensOf(connection: OperatorConnection, cluster: string): Promise<readonly string[]> {
  const tokens = await pages(
    (page) => connection.call(connection.client.listTokens, { page }),
    (answer) => answer.tokens,
  );
  return tokens
    .filter((token) => token.cluster === cluster && token.usedAtMs === 0n && !token.revoked)
    .map(({ tokenId }) => tokenId);
}

function remove() {
  return changingCommand('remove', "end a cluster's membership, void its tokens, and say what to delete in it")
    .argument('<cluster>')
    .option('--namespace <name>', 'where Testudo runs in that cluster', namespaceFrom, 'testudo')
    .action((cluster, options) =>
      withConnection(options, async (connection) => {
        const { client } = connection;
        const { reason, namespace: place } = options;
        const open = await openTokensOf(connection, cluster);
        for (const tokenId of open) await connection.call(client.revokeToken, { tokenId, reason });
        const clusters = await pages(
          (page) => connection.call(client.listClusters, { page }),
          (answer) => answer.clusters,
        );
        const isMember = clusters.some(({ name }) => name === cluster);
        if (!isMember && open.length === 0) {
          exitWith({ code: 'CLUSTER_NOT_FOUND', message: `${cluster} is no member and has no open token` });
        }
        if (isMember) await connection.call(client.revokeCluster, { cluster, reason });
        if (options.json) return print(jsonLine({ cluster, revoked: isMember, tokens: open }));
        print(`${cluster} is ${isMember ? 'revoked' : 'no member'}; ${open.length} open token(s) voided. In that cluster:

helm uninstall testudo --namespace ${place}
kubectl -n ${place} delete secret testudo-join-token testudo-hub-authority --ignore-not-found
kubectl -n ${place} delete pvc -l app.kubernetes.io/name=testudo     # what it learnt, its alerts and its keys`);
      }),
    );
}
