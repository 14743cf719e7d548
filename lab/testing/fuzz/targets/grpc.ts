import type { ServiceDefinition } from '@grpc/grpc-js';
import { chunkInPlace } from '../../../../coordinator/grpc/chunk-in-place.ts';
import { malformed, tolerant } from '../../../../coordinator/grpc/service.ts';
import { EnrolmentService } from '../../../../proto/generated/testudo/v1/enrolment.ts';
import { FederationService, SubmitUpdateRequest } from '../../../../proto/generated/testudo/v1/federation.ts';
import { OperatorService } from '../../../../proto/generated/testudo/v1/operator.ts';
import { ReleasesService } from '../../../../proto/generated/testudo/v1/releases.ts';
import { AlertsService, ResponsesService } from '../../../../proto/generated/testudo/v1/responses.ts';
import { AdmissionService, SensorsService } from '../../../../proto/generated/testudo/v1/sensors.ts';
import { refused, type Target } from '../target.ts';
import { filledMessages } from './filled-messages.ts';

type Message = Readonly<{ read(bytes: Buffer): unknown; write(value: unknown): Uint8Array }>;

/** Requests as a server reads them (what is no message becomes `malformed`), answers as a client does. */
function messagesOf(services: readonly ServiceDefinition[]): Message[] {
  return services.flatMap((service) => [
    ...Object.values(tolerant(service)).map((method) => ({
      read: method.requestDeserialize,
      write: method.requestSerialize,
    })),
    ...Object.values(service).map(({ responseDeserialize: read, responseSerialize: write }) => ({
      read: (bytes: Buffer) => {
        try {
          return read(bytes);
        } catch {
          // Generated code; grpc-js ends the call with it.
          return malformed;
        }
      },
      write,
    })),
  ]);
}

/** The first byte says which message of the services the others are. */
function messages(name: string, services: readonly ServiceDefinition[]): Target {
  const all = messagesOf(services);
  const bytesOf = (at: number, written: Uint8Array) => Buffer.concat([Buffer.of(at), written]);
  return {
    name,
    seeds: () => all.flatMap((message, at) => filledMessages(message.read).map((filled) => bytesOf(at, filled))),
    read(input) {
      const bytes = Buffer.from(input);
      const at = (bytes[0] ?? 0) % all.length;
      const { read, write } = all[at] as Message;
      const value = read(bytes.subarray(1));
      return value === malformed
        ? refused('MESSAGE_MALFORMED')
        : { kind: 'read', value, again: bytesOf(at, write(value)) };
    },
  };
}

/** A part of an upload, which the coordinator reads without a copy where it can. */
const chunk: Target = {
  name: 'grpc-chunk',
  seeds: () =>
    [0, 1, 127, 128, 300].map((length) =>
      SubmitUpdateRequest.encode({ part: { $case: 'chunk', value: Buffer.alloc(length, 7) } }).finish(),
    ),
  read(input) {
    const bytes = Buffer.from(input);
    const inPlace = chunkInPlace(bytes);
    let part: SubmitUpdateRequest['part'];
    try {
      part = SubmitUpdateRequest.decode(bytes).part;
    } catch {
      // Read in place although it is no message, it would have to differ from itself.
      return inPlace === undefined ? refused('MESSAGE_MALFORMED') : { kind: 'read', value: inPlace, also: undefined };
    }
    const value = part?.$case === 'chunk' ? Buffer.from(part.value) : undefined;
    return inPlace === undefined ? { kind: 'read', value } : { kind: 'read', value, also: Buffer.from(inPlace) };
  },
};

export const grpcTargets: readonly Target[] = [
  messages('grpc-enrolment', [EnrolmentService]),
  messages('grpc-federation', [FederationService]),
  messages('grpc-operator', [OperatorService]),
  messages('grpc-releases', [ReleasesService]),
  messages('grpc-responses', [AlertsService, ResponsesService]),
  messages('grpc-sensors', [AdmissionService, SensorsService]),
  chunk,
];
