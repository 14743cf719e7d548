import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const root = fileURLToPath(new URL('../../proto', import.meta.url));
const files = ['common', 'enrolment', 'federation', 'operator', 'releases'].map((name) => `testudo/v1/${name}.proto`);

/** Lets operators' tools (grpcurl and its like) ask what is served. Only on the mTLS port. */
export function addReflection(server: Server): void {
  const definition = loadSync(files, { includeDirs: [root], keepCase: true });
  new ReflectionService(definition).addToServer(server);
}
