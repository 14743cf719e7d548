import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { lockFolder } from '../../base/folder-lock.ts';
import { type Log, makeLog } from '../../base/log.ts';
import { type HttpServer, serveHttp } from '../../base/serving/http-server.ts';
import { TlsFiles } from '../../base/serving/tls-files.ts';
import type { Timers } from '../../base/time.ts';
import { type CaptureFaultCode, capture, captureRequest } from './capture.ts';
import { Freezer } from './freezer.ts';
import type { HelperConfig } from './helper-config.ts';

export type RunningHelper = Readonly<{ port: number; close(): Promise<void> }>;

type HelperFaultCode =
  | 'HELPER_FILES_UNREADABLE'
  | 'CGROUP_V2_MISSING'
  | 'PORT_UNAVAILABLE'
  | (ReturnType<typeof lockFolder> & { ok: false })['fault']['code'];
type Refused = Readonly<{ status: number; fault: Fault }>;

const requestBytesMax = 4_096;
const connectionsMax = 16;
const atOnceMax = 8;

/**
 * The node's helper: makes one pod stand still and copies its processes' state for the agent that asks, which shows a certificate of
 * the configured authority with the agent's name. It can do nothing else: no file is changed but a pod's `cgroup.freeze` and its own book.
 */
export async function startHelper(
  config: HelperConfig,
  { log = makeLog(config.log.level), timers }: Readonly<{ log?: Log; timers: Timers }>,
): Promise<Result<RunningHelper, HelperFaultCode>> {
  const { cgroups, dataDirectory, proc, memoryBytesMax } = config;
  // At the root there is no freezer to write to; a file of its controllers says which version it is.
  const version = await readFile(join(cgroups.root, 'cgroup.controllers')).catch(() => undefined);
  if (version === undefined)
    return refuse(
      'CGROUP_V2_MISSING',
      `${cgroups.root} is no root of cgroup v2: mount the node's there, or name it (cgroups.root)`,
    );
  // Two with one book would each thaw what the other froze.
  const lock = lockFolder(dataDirectory);
  if (!lock.ok) return lock;
  const freezer = await Freezer.open({
    ...{ file: join(dataDirectory, 'frozen.json'), timers, atOnceMax },
    onThawed: (uid, why) => log.warn({ uid, why }, 'a pod was thawed'),
  });
  let tls: TlsFiles;
  try {
    const { certificateFile: certificate, keyFile: key, authorityFile: clients } = config;
    const onFault = (cause: string) => log.error({ cause }, 'renewed TLS files cannot be used; those before stay');
    tls = await TlsFiles.read({ certificate, key, clients }, { timers, onFault });
  } catch (error) {
    await freezer.close();
    lock.value.release();
    return refuse('HELPER_FILES_UNREADABLE', `${(error as Error).message}; all three files are PEM`);
  }
  let isBusy = false;
  const answer = async (request: IncomingMessage): Promise<Result<unknown, CaptureFaultCode> | Refused> => {
    const peer = peerNames(request.socket as TLSSocket);
    if (!peer.includes(config.agentName)) {
      log.warn({ peer: peer.slice(0, 5) }, 'somebody asked who is not the agent');
      return refused(403, 'NOT_THE_AGENT', `only ${config.agentName} may ask`);
    }
    if (request.method !== 'POST') return refused(405, 'METHOD_REFUSED', 'only POST');
    const body = await bodyOf(request);
    const isCapture = request.url === '/capture';
    const wanted = (isCapture ? captureRequest : captureRequest.pick({ uid: true })).safeParse(body);
    if (!wanted.success) return refused(400, 'REQUEST_MALFORMED', wanted.error.issues[0]?.message ?? 'malformed');
    if (request.url === '/thaw') return ok({ thawed: await freezer.thaw(wanted.data.uid) });
    if (!isCapture) return refused(404, 'PATH_UNKNOWN', 'only /capture and /thaw');
    if (isBusy) return refused(429, 'HELPER_BUSY', 'it copies another pod; ask again');
    isBusy = true;
    try {
      const taken = await capture(captureRequest.parse(body), { freezer, cgroups, proc, memoryBytesMax, timers });
      const of = {
        uid: wanted.data.uid,
        ...(taken.ok ? { processes: taken.value.count } : { code: taken.fault.code }),
      };
      log.warn(of, taken.ok ? 'a pod was frozen and copied' : 'a pod was not frozen');
      return taken;
    } finally {
      isBusy = false;
    }
  };
  let server: HttpServer;
  try {
    server = await serveHttp(
      config.listen,
      (request, response) =>
        void answer(request).then(
          (result) => say(response, result),
          (error: unknown) => {
            log.error({ cause: (error as Error).message }, 'a pod could not be copied');
            say(response, refused(500, 'COPY_FAILED', 'the copy failed; the helper says why in its log'));
          },
        ),
      { connectionsMax, tls },
    );
  } catch (error) {
    await freezer.close();
    lock.value.release();
    return refuse('PORT_UNAVAILABLE', `${config.listen}: ${(error as Error).message}`);
  }
  log.info({ port: server.port }, 'node helper ready');
  return ok({
    port: server.port,
    async close() {
      await server.close();
      await freezer.close();
      lock.value.release();
    },
  });
}

const refused = (status: number, code: string, message: string): Refused => ({ status, fault: { code, message } });

function say(response: ServerResponse, result: Result<unknown, CaptureFaultCode> | Refused): void {
  const isAnswer = 'ok' in result;
  const status = isAnswer ? (result.ok ? 200 : 409) : result.status;
  const body = isAnswer && result.ok ? result.value : { fault: (result as Refused).fault };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** What the authority says the peer is called. */
function peerNames(socket: TLSSocket): readonly string[] {
  const { subjectaltname = '' } = socket.getPeerCertificate();
  return subjectaltname.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : []));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > requestBytesMax) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
