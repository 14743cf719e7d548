import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { calls } from '../access/calls.ts';
import type { Door, Send } from './door.ts';
import type { MessageReader } from './message-reader.ts';
import { malformed, tolerant } from './service.ts';
import type { ToolStreams } from './tool-streams.ts';

const root = fileURLToPath(new URL('../../proto', import.meta.url));
const files = ['common', 'doors', 'enrolment', 'federation', 'operator', 'releases', 'responses'].map(
  (name) => `testudo/v1/${name}.proto`,
);

/** A tool asks one thing after another, and goes. */
const idleMsMax = 60_000;

type Question = object;
type Reply = object;
type Served = Readonly<{ definition: ServiceDefinition; implementation: UntypedServiceImplementation }>;

/**
 * Lets operators' tools (grpcurl and its like) ask what is served, in both versions that they speak. The contract is read
 * at the first question, for good: that takes a quarter of a second, and few coordinators are ever asked.
 */
export function reflectionServices({ door, streams }: Readonly<{ door: Door; streams: ToolStreams }>): Served[] {
  return servicesOf({}).map(({ definition }, version) => {
    const reply = (question: Question) => replyIn(version, question);
    const info = door.bidiStream<'member', Question, Reply>(
      calls.serverReflection.serverReflectionInfo,
      (questions, send, { caller, signal }) =>
        streams.serve(caller, signal, (until) => answerEach(questions, send, reply, until)),
    );
    return { definition: tolerant(definition), implementation: { ServerReflectionInfo: info } };
  });
}

/** One reply on its way before the next question is read: replies are a thousand times as long as questions. */
async function answerEach(
  questions: MessageReader<Question | typeof malformed>,
  send: Send<Reply>,
  reply: (question: Question) => Reply,
  until: AbortSignal,
): Promise<Result<void, 'MESSAGE_MALFORMED' | 'PEER_TOO_SLOW'>> {
  for (;;) {
    const read = await questions.next(idleMsMax);
    if (until.aborted || read.kind === 'end' || read.kind === 'aborted') return ok(undefined);
    if (read.kind === 'tooSlow') return refuse('PEER_TOO_SLOW', `no question for ${idleMsMax} ms; ask again`);
    if (read.message === malformed)
      return refuse('MESSAGE_MALFORMED', 'the question is not the protobuf message of one');
    if (!(await send(reply(read.message as Question)))) return ok(undefined);
  }
}

let replies: readonly ((question: Question) => Reply)[] | undefined;

/** The reply in the version at this place of `servicesOf`. */
function replyIn(version: number, question: Question): Reply {
  replies ??= servicesOf(loadSync(files, { includeDirs: [root], keepCase: true })).map(replyOf);
  const reply = replies[version];
  if (reply === undefined) throw new Error(`reflection has no version at place ${version}`);
  return reply(question);
}

/** The services as the library would serve them for this contract, past the door: one for each version, in fixed order. */
function servicesOf(contract: PackageDefinition): Served[] {
  const services: Served[] = [];
  const collector = {
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) =>
      services.push({ definition, implementation }),
  };
  new ReflectionService(contract).addToServer(collector as unknown as Server);
  return services;
}

/** What the library's handler answers to a question: it writes one reply for each, at once. */
function replyOf({ implementation: { ServerReflectionInfo: handle } }: Served): (question: Question) => Reply {
  let reply: Reply = {};
  const stream = Object.assign(new EventEmitter(), {
    write: (message: Reply) => {
      reply = message;
    },
    end: () => {},
  });
  (handle as unknown as (stream: EventEmitter) => void)(stream);
  return (question) => {
    stream.emit('data', question);
    return reply;
  };
}
