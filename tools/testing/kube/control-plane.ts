import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import { writeAuthorities } from './authorities.ts';
import { auditPolicy, kubeconfig, nodes } from './manifests.ts';
import { type Running, startProgram } from './process.ts';

/** What may stand beside etcd and the API server. kwok plays the kubelets: pods become Ready, and nothing in them runs. */
type Part = 'controller-manager' | 'scheduler' | 'kwok';

export type ControlPlaneOptions = Readonly<{
  /** Where the built programs are. */
  programs: string;
  /** All of them unless said otherwise. */
  parts?: readonly Part[];
  /** Nodes that kwok plays. */
  nodeCount?: number;
  /** Files with more of kwok's configuration, such as what runs where somebody enters a pod. */
  kwokConfigurations?: readonly string[];
}>;

/** What another process needs to use it. */
export type ControlPlaneAddress = Readonly<{
  programs: string;
  /** Of the cluster's admin. */
  kubeconfig: string;
  url: string;
  /** Keys, logs and state; `folder/pki/ca.crt` is the authority, `folder/audit.log` what service accounts asked for. */
  folder: string;
}>;

type Ports = Readonly<Record<'api' | 'etcd' | 'peer' | 'manager' | 'scheduler' | 'kwok', number>>;

const startMsMax = 600_000;
const lookMs = 50;

/** A real Kubernetes control plane on loopback, on ports that the kernel chose, in a folder of its own. */
export class ControlPlane {
  readonly address: ControlPlaneAddress;
  readonly #ports: Ports;
  readonly #running = new Map<string, Running>();
  /** It stands: what ends by itself from now on is started again, as a kubelet would do it. */
  #isUp = false;

  private constructor(address: ControlPlaneAddress, ports: Ports) {
    this.address = address;
    this.#ports = ports;
  }

  static async start({
    programs,
    parts = ['controller-manager', 'scheduler', 'kwok'],
    nodeCount = 3,
    kwokConfigurations = [],
  }: ControlPlaneOptions): Promise<ControlPlane> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-kube-'));
    const [api, etcd, peer, manager, scheduler, kwok] = (await lastingPorts(6)) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const address = { programs, folder, kubeconfig: join(folder, 'kubeconfig'), url: `https://127.0.0.1:${api}` };
    const plane = new ControlPlane(address, { api, etcd, peer, manager, scheduler, kwok });
    try {
      await plane.#write();
      await plane.#startEtcd();
      await plane.startApiServer();
      if (parts.includes('controller-manager')) await plane.#startControllerManager();
      if (parts.includes('scheduler')) await plane.#startScheduler();
      if (parts.includes('kwok')) await plane.#startKwok(nodeCount, kwokConfigurations);
      if (parts.includes('controller-manager')) {
        await plane.until('the default service account', () =>
          plane.#get('/api/v1/namespaces/default/serviceaccounts/default'),
        );
      }
      plane.#isUp = true;
      return plane;
    } catch (error) {
      const said = [...plane.#running.values()].map((program) => `--- ${program.name}\n${program.said()}`).join('\n');
      await plane.stop();
      throw new Error(`the control plane did not start: ${(error as Error).message}\n${said}`);
    }
  }

  /** Ends everything and removes its folder. May be called twice. */
  async stop(): Promise<void> {
    this.#isUp = false;
    const last = [...this.#running.values()].reverse();
    this.#running.clear();
    for (const program of last) await program.stop();
    await rm(this.address.folder, { recursive: true, force: true });
  }

  /** Ends the API server at once. Everything it had answered is in etcd. */
  async killApiServer(): Promise<void> {
    await this.#running.get('kube-apiserver')?.stop('SIGKILL');
    this.#running.delete('kube-apiserver');
  }

  /** The API server's process; 0 while none runs. */
  get apiServerPid(): number {
    return this.#running.get('kube-apiserver')?.pid ?? 0;
  }

  /** Resolves when the API server has ended by somebody else's hand, and leaves room for the next. */
  async apiServerKilled(): Promise<void> {
    await this.#running.get('kube-apiserver')?.ended;
    this.#running.delete('kube-apiserver');
  }

  /** As at the beginning, or after it was killed; resolves when it is ready. */
  async startApiServer(more: readonly string[] = []): Promise<void> {
    const { folder } = this.address;
    const pki = (name: string) => join(folder, 'pki', name);
    await this.#start('kube-apiserver', [
      ...['--bind-address', '127.0.0.1', '--secure-port', String(this.#ports.api), '--advertise-address', '127.0.0.1'],
      ...['--endpoint-reconciler-type', 'none', '--etcd-servers', `http://127.0.0.1:${this.#ports.etcd}`],
      ...['--service-cluster-ip-range', '10.96.0.0/16', '--authorization-mode', 'Node,RBAC'],
      ...[
        '--enable-admission-plugins',
        'NodeRestriction',
        '--allow-privileged=true',
        '--client-ca-file',
        pki('ca.crt'),
      ],
      ...['--tls-cert-file', pki('apiserver.crt'), '--tls-private-key-file', pki('apiserver.key')],
      ...['--kubelet-client-certificate', pki('kubelet-client.crt'), '--kubelet-client-key', pki('kubelet-client.key')],
      ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', pki('sa.pub')],
      ...['--service-account-signing-key-file', pki('sa.key'), '--audit-policy-file', join(folder, 'audit.yaml')],
      ...['--audit-log-path', join(folder, 'audit.log'), '--audit-log-mode', 'blocking-strict', ...more],
    ]);
    await this.until('a ready API server', () => this.#get('/readyz'));
  }

  /** Lets etcd forget everything but the present, as it does by itself after five minutes. */
  async forgetHistory(): Promise<void> {
    const ask = async (path: string, body: object) => {
      const answer = await fetch(`http://127.0.0.1:${this.#ports.etcd}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`etcd: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as { header: { revision: string } };
    };
    const { header } = await ask('/v3/kv/range', { key: 'AA==' });
    await ask('/v3/kv/compaction', { revision: header.revision, physical: true });
  }

  /** Asks again and again until it says yes; throws when a program has ended meanwhile, or after ten minutes. */
  async until(what: string, ask: () => Promise<boolean>): Promise<void> {
    for (const startedAt = performance.now(); !(await ask()); await pause(lookMs)) {
      const gone = [...this.#running.values()].find(
        (program) => !program.running() && !(this.#isUp && comesAgain(program.name)),
      );
      if (gone !== undefined) throw new Error(`${gone.name} ended while we waited for ${what}`);
      if (performance.now() - startedAt > startMsMax) throw new Error(`no sign of ${what} after ten minutes`);
    }
  }

  async #write(): Promise<void> {
    const { folder, url } = this.address;
    await mkdir(folder, { recursive: true });
    await writeAuthorities(join(folder, 'pki'));
    await writeFile(join(folder, 'audit.yaml'), JSON.stringify(auditPolicy));
    const certificates = await readFile(join(folder, 'pki', 'ca.crt'));
    for (const user of ['admin', 'controller-manager', 'scheduler']) {
      const [certificate, key] = await Promise.all(
        ['crt', 'key'].map((suffix) => readFile(join(folder, 'pki', `${user}.${suffix}`))),
      );
      const text = JSON.stringify(kubeconfig(url, certificates, { user, certificate, key } as never));
      await writeFile(join(folder, `${user}.kubeconfig`), text, { mode: 0o600 });
    }
    await copyFile(join(folder, 'admin.kubeconfig'), this.address.kubeconfig);
  }

  async #startEtcd(): Promise<void> {
    const { etcd, peer } = this.#ports;
    const [client, peers] = [`http://127.0.0.1:${etcd}`, `http://127.0.0.1:${peer}`];
    await this.#start('etcd', [
      ...[
        '--name',
        'local',
        '--data-dir',
        join(this.address.folder, 'etcd'),
        '--unsafe-no-fsync',
        '--log-level',
        'warn',
      ],
      ...['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peers],
      ...['--initial-advertise-peer-urls', peers, '--initial-cluster', `local=${peers}`],
    ]);
  }

  async #startControllerManager(): Promise<void> {
    const pki = (name: string) => join(this.address.folder, 'pki', name);
    await this.#start('kube-controller-manager', [
      ...['--bind-address', '127.0.0.1', '--secure-port', String(this.#ports.manager), '--leader-elect=false'],
      ...this.#as('controller-manager', ['--kubeconfig', '--authentication-kubeconfig', '--authorization-kubeconfig']),
      ...['--use-service-account-credentials', '--service-account-private-key-file', pki('sa.key')],
      ...['--root-ca-file', pki('ca.crt')],
      // While the API server is away kwok renews no node's lease. Pods of a node that is taken for dead are taken for unready, and
      // kwok, unlike a kubelet, never says again that they are ready.
      ...['--node-monitor-grace-period', '24h'],
    ]);
  }

  async #startScheduler(): Promise<void> {
    const { folder } = this.address;
    const configuration = {
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      clientConnection: { kubeconfig: join(folder, 'scheduler.kubeconfig') },
      leaderElection: { leaderElect: false },
    };
    await writeFile(join(folder, 'scheduler.yaml'), JSON.stringify(configuration));
    await this.#start('kube-scheduler', [
      ...['--bind-address', '127.0.0.1', '--secure-port', String(this.#ports.scheduler)],
      ...['--config', join(folder, 'scheduler.yaml')],
      ...this.#as('scheduler', ['--authentication-kubeconfig', '--authorization-kubeconfig']),
    ]);
  }

  async #startKwok(nodeCount: number, configurations: readonly string[]): Promise<void> {
    const { folder, programs, kubeconfig: admin } = this.address;
    const pki = (name: string) => join(folder, 'pki', name);
    const stages = join(programs, 'stages');
    const port = String(this.#ports.kwok);
    await this.#start('kwok', [
      ...['--kubeconfig', admin, '--manage-all-nodes=false', '--node-lease-duration-seconds', '40'],
      ...['--manage-nodes-with-annotation-selector', 'kwok.x-k8s.io/node=fake', '--cidr', '10.244.0.0/16'],
      ...['--node-ip', '127.0.0.1', '--node-port', port, '--server-address', `127.0.0.1:${port}`],
      ...['--tls-cert-file', pki('apiserver.crt'), '--tls-private-key-file', pki('apiserver.key')],
      ...[...(await readdir(stages)).map((name) => join(stages, name)), ...configurations].flatMap((file) => [
        '--config',
        file,
      ]),
    ]);
    for (const node of nodes(nodeCount)) await this.#post('/api/v1/nodes', node);
    for (const { metadata } of nodes(nodeCount)) {
      await this.until(`node ${metadata.name}`, async () => {
        const { status } = (await this.#json(`/api/v1/nodes/${metadata.name}`)) as {
          status?: { conditions?: Condition[] };
        };
        return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
      });
    }
  }

  #as(user: string, flags: readonly string[]): string[] {
    return flags.flatMap((flag) => [flag, join(this.address.folder, `${user}.kubeconfig`)]);
  }

  async #start(name: string, args: readonly string[]): Promise<void> {
    const { programs, folder } = this.address;
    const program = await startProgram(name, join(programs, name), args, join(folder, `${name}.log`));
    this.#running.set(name, program);
    // The scheduler ends where the API server is away for some seconds.
    const again = async () => {
      await pause(lookMs);
      if (!this.#isUp || this.#running.get(name) !== program) return;
      await this.#start(name, args);
      if (!this.#isUp) await this.#running.get(name)?.stop();
    };
    if (comesAgain(name)) void program.ended.then(again);
  }

  async #get(path: string): Promise<boolean> {
    return (await this.#ask('GET', path).catch(() => undefined))?.status === 200;
  }

  async #json(path: string): Promise<unknown> {
    return JSON.parse((await this.#ask('GET', path)).body);
  }

  async #post(path: string, value: unknown): Promise<void> {
    const { status, body } = await this.#ask('POST', path, JSON.stringify(value));
    if (status !== 201) throw new Error(`POST ${path}: ${status} ${body}`);
  }

  async #ask(method: string, path: string, body?: string): Promise<{ status: number | undefined; body: string }> {
    const [ca, cert, key] = await Promise.all(
      ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(join(this.address.folder, 'pki', name))),
    );
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    // A server that has just begun takes a connection and may never answer on it: it is asked again.
    const signal = AbortSignal.timeout(30_000);
    const options = { method, ca, cert, key, headers, signal, agent: false };
    const asked = request(new URL(path, this.address.url), options as never);
    asked.end(body);
    const [answer] = await once(asked, 'response');
    let text = '';
    for await (const chunk of answer) text += chunk;
    return { status: answer.statusCode, body: text };
  }
}

const comesAgain = (name: string) => name !== 'kube-apiserver' && name !== 'etcd';

type Condition = Readonly<{ type: string; status: string }>;
