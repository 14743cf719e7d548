import type { Http2Stream } from 'node:http2';
import { constants } from 'node:http2';
import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import type { Fault } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Connections } from './connections/connections.ts';
import { Tally } from './connections/tally.ts';
import { sendAsFramed } from './framed-messages.ts';
import { type Peer, peerOf } from './peer.ts';
import { statusFor } from './status.ts';

export type UnreadRules = Readonly<{
  /** How long a request may take to arrive, from its call's first byte; of a stream, its first message. */
  requestMs: number;
  /** Calls of one peer whose request is not whole after `slowMs`: each may hold one message of our memory. */
  slowMax: number;
}>;

/** Then a request counts as slow. Until then, what a peer holds is bounded by what its line carries. */
const slowMs = 1_000;
/** Calls of one peer whose request is not whole, slow or not: more than its connections carry when it means well. */
const atOnceMax = 1_024;

type UnreadParts = Readonly<{
  rules: UnreadRules;
  connections: Connections;
  timers: Timers;
  /** Hears of each refusal; what the peer gets is answered already. */
  refused: (path: string, peer: Peer, fault: UnreadFault) => void;
}>;

/** Of a call that no handler hears of. */
export type UnreadFault = Fault<'CALL_TOO_LONG' | 'RATE_LIMITED' | 'MESSAGE_TOO_LARGE'>;

/**
 * What stands before every handler: grpc-js calls ours when a request is whole, and until then nothing of ours limits it.
 * Here few slow requests of a peer are under way, none for long, and what is left of one is let go with its call.
 */
export function unreadRequests({ rules, connections, timers, refused }: UnreadParts): ServerInterceptor {
  const unread = new Tally();
  const slow = new Tally();
  return ({ path, requestStream }, call) => {
    sendAsFramed(call);
    const { remoteAddress, remotePort } = call.getConnectionInfo();
    const peer = connections.called(remoteAddress, remotePort, (network) => whoIs(call, network));
    const refuseWith = (code: UnreadFault['code'], message: string) => {
      const fault = { code, message };
      call.sendStatus(statusFor(fault, false));
      refused(path, peerOf(call), fault);
    };
    // What grpc-js refuses itself passes no interceptor: it is said by the call that they all stand on.
    const answer = call.sendStatus.bind(call);
    call.sendStatus = (answered) => {
      if (!isOversized(answered)) {
        answer(answered);
        return;
      }
      const fault = { code: 'MESSAGE_TOO_LARGE', message: String(answered.details) } as const;
      answer(statusFor(fault, false));
      refused(path, peerOf(call), fault);
    };
    const unreadCount = unread.of(peer);
    if (unreadCount >= atOnceMax) {
      return new ServerInterceptingCall(call, {
        start: () => {
          refuseWith('RATE_LIMITED', `${peer} has ${unreadCount} requests under way; finish one first`);
          letGo(call, timers);
        },
      });
    }

    const inTally = [unread];
    unread.add(peer);
    const onTime = () => refuseWith('CALL_TOO_LONG', `the request was not whole after ${rules.requestMs} ms`);
    const onSlow = () => {
      const slowCount = slow.of(peer);
      if (slowCount >= rules.slowMax) {
        refuseWith('RATE_LIMITED', `${peer} has ${slowCount} slow requests under way; finish one first`);
        return;
      }
      slow.add(peer);
      inTally.push(slow);
      timer = after(rules.requestMs - slowMs, onTime);
    };
    let isWhole = false;
    // Timers run before sockets are read: when it is we who were too busy, what came meanwhile still counts.
    const after = (delayMs: number, act: () => void) =>
      timers.after(delayMs, () => void setImmediate(() => isWhole || act()), { background: true });
    let timer = after(slowMs, onSlow);
    const whole = () => {
      if (isWhole) return;
      isWhole = true;
      timers.cancel(timer);
      for (const tally of inTally) tally.remove(peer);
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMessage((message, next) => {
        if (requestStream) whole();
        next(message);
      })
      .withOnReceiveHalfClose((next) => {
        whole();
        next();
      })
      // Called at the end of every call, however it ends.
      .withOnCancel(() => {
        if (isWhole) return;
        whole();
        letGo(call, timers);
      })
      .build();
    return new ServerInterceptingCall(call, new ResponderBuilder().withStart((next) => next(listener)).build());
  };
}

/** Of a message that came; one of ours that is too large to go says so in other words. */
function isOversized({ code, details }: Parameters<ServerInterceptingCallInterface['sendStatus']>[0]): boolean {
  return code === status.RESOURCE_EXHAUSTED && /^Received message /.test(details ?? '');
}

/** Its certificate's name; a stranger's network. */
function whoIs(call: ServerInterceptingCallInterface, network: string): string {
  return peerOf(call).certificate?.uri ?? network;
}

/** For an answer to leave that the peer is slow to read. */
const lingerMs = 1_000;

/**
 * Resets the stream (RFC 9113, 8.1) once the answer is out: grpc-js keeps stream and unfinished message for as long as the
 * peer leaves the stream open, and no method of grpc-js's reaches it.
 */
function letGo(call: ServerInterceptingCallInterface, timers: Timers): void {
  const { stream } = call as unknown as { stream?: Http2Stream };
  if (stream === undefined) throw new Error('grpc-js hides its stream elsewhere: unfinished requests would stay');
  const close = () => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  // nghttp2 drops what is queued of a stream that is reset: the answer goes out at the end of this turn.
  setImmediate(() => {
    if (stream.destroyed || stream.state.localClose === 1) close();
    else timers.after(lingerMs, close, { background: true });
  });
}
