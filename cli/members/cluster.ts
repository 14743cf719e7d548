import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import type { Fault } from '../../base/fault.ts';
import { jsonLine, time } from '../../base/text/table.ts';
import { makeHubAuthority } from '../../client/hub/authority.ts';
import { exitWith, usage } from '../exit.ts';
import { clusterValues, installLines, sensorLabels } from '../kubernetes/cluster-values.ts';
import { manifests, namespace, namespaceFrom, secret } from '../kubernetes/manifests.ts';
import { clientStart } from '../operator/client-start.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { enrolmentPortText } from '../operator/enrol-address.ts';
import { allClusters, forceLabelsOption, refuseMisspeltKeys } from '../operator/known-names.ts';
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
    .option(...forceLabelsOption)
    .option('--gitops', 'write no secret: its manifest goes to standard output, to be sealed')
    .action((cluster, options) => {
      if (options.gitops && options.json) usage('--gitops prints a manifest, so --json cannot print beside it');
      const lifetimeSeconds = secondsOf(options.hours);
      const labels = (options.label ?? []).map((text) => labelOf(text));
      return withConnection(options, async (connection) => {
        const { client } = connection;
        const keys = options.force ? [] : labels.map(({ key }) => key);
        if (keys.length > 0) refuseMisspeltKeys(await allClusters(connection), keys);
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
        const { tokenId, expiresAtMs } = created;
        connection.halfWay({
          done: `token ${tokenId} for ${cluster} is made`,
          rest: 'Its text is lost: the same command again makes another, and voids this one',
        });
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
        const { voided, used, fault } = await voidTokens(connection, before, `replaced by ${tokenId}`);
        if (voided.length > 0) complain(`void from now on: token ${voided.join(', ')}, which nobody had used`);
        if (used.length > 0) complain(`used meanwhile: token ${used.join(', ')}; this one takes its member's place`);
        const lines = installLines({ chart, place, folder: out, secrets: !options.gitops });
        const may = `${cluster} may enrol once, until ${time(expiresAtMs)} (token ${tokenId})`;
        if (options.json) {
          const files = ['values.yaml', 'root.json', 'secrets.yaml'].map((name) => join(out, name));
          const more = { foreignTracks: start.foreign, voidedTokens: voided };
          print(jsonLine({ cluster, tokenId, expiresAtMs, files, install: lines, ...more }));
        } else complain(`${may}:\n\n${lines.join('\n')}`);
        if (fault === undefined) return;
        const open = before.filter((one) => !voided.includes(one) && !used.includes(one));
        connection.halfWay({
          done: may,
          rest: `Earlier ones may be open: \`testudo tokens revoke ID --reason …\` for ${open.join(', ')}`,
        });
        connection.exitWith(fault);
      });
    });
}

type Voided = Readonly<{ voided: readonly string[]; used: readonly string[]; fault?: Fault }>;

/** Voids tokens until the coordinator answers no more, and says which; somebody may have used one since it was listed. */
async function voidTokens(
  connection: OperatorConnection,
  tokenIds: readonly string[],
  reason: string,
): Promise<Voided> {
  const [voided, used]: [string[], string[]] = [[], []];
  for (const tokenId of tokenIds) {
    const answer = await connection.tried(connection.client.revokeToken, { tokenId, reason });
    if (answer.ok) voided.push(tokenId);
    else if (answer.fault.code === 'TOKEN_USED') used.push(tokenId);
    else return { voided, used, fault: answer.fault };
  }
  return { voided, used };
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
        const { voided, fault } = await voidTokens(connection, open, reason);
        if (voided.length > 0) {
          const rest = 'The same command again does the rest';
          connection.halfWay({ done: `${voided.length} open token(s) of ${cluster} voided`, rest });
        }
        if (fault !== undefined) connection.exitWith(fault);
        // Asked for only now: who used a token meanwhile is a member by it.
        const isMember = (await allClusters(connection)).some(({ name }) => name === cluster);
        if (!isMember && open.length === 0) {
          exitWith({ code: 'CLUSTER_NOT_FOUND', message: `${cluster} is no member and has no open token` });
        }
        if (isMember) await connection.call(client.revokeCluster, { cluster, reason });
        if (options.json) return print(jsonLine({ cluster, revoked: isMember, tokens: voided }));
        print(`${cluster} is ${isMember ? 'revoked' : 'no member'}; ${voided.length} open token(s) voided. In that cluster:

helm uninstall testudo --namespace ${place}
kubectl -n ${place} delete secret testudo-join-token testudo-hub-authority --ignore-not-found
kubectl -n ${place} delete pvc -l app.kubernetes.io/name=testudo     # what it learnt, its alerts and its keys`);
      }),
    );
}
