import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';

/** What a listener serves: methods and who answers them. */
export type ServedService = Readonly<{ definition: ServiceDefinition; implementation: UntypedServiceImplementation }>;

/** Stands for a message that is no protobuf of its kind. */
export const malformed: unique symbol = Symbol('malformed message');

/**
 * The same service, but a message that does not decode reaches the handler as `malformed`: left to grpc-js, it would end
 * as INTERNAL without a code of ours, an audit entry or a count.
 */
export function tolerant<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer): unknown => {
      try {
        return method.requestDeserialize(bytes);
      } catch {
        return malformed;
      }
    };
    return [name, { ...method, requestDeserialize }];
  });
  return Object.fromEntries(methods) as Service;
}
