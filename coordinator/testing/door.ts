import { onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { DoorsClient } from '../../proto/generated/testudo/v1/doors.ts';
import { type AddDoorResponse, OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { pemOfChain } from '../keys/authority.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';
import { secure, settle } from './cluster.ts';
import { operator, type TestFederation } from './federation.ts';

const options = { 'grpc.ssl_target_name_override': coordinatorServerName, 'grpc.use_local_subchannel_pool': 1 };

/** An admin's calls to a federation in this process. */
export async function adminOf(federation: TestFederation): Promise<OperatorClient> {
  const { membership, addresses } = federation.coordinator;
  const { key, request } = await newOperatorKey();
  const { chain } = unwrap(await membership.addOperator(operator, { name: 'ada', role: 'admin', request }));
  const credentials = secure({ ca: federation.authority, cert: pemOfChain(chain), key });
  const admin = new OperatorClient(addresses.federation, credentials, options);
  onTestFinished(() => admin.close());
  return admin;
}

/** What speaks as a door of this name, by hand, so that it can also speak as a stolen one. */
export async function doorOf(federation: TestFederation, admin: OperatorClient, name: string) {
  const { key, request } = await newOperatorKey();
  const added = unwrap(
    await settle<AddDoorResponse>((callback) =>
      admin.addDoor({ name, certificateRequest: request, hosts: ['door.example'], reason: 'test' }, callback),
    ),
  );
  const credentials = secure({ ca: federation.authority, cert: pemOfChain(added.certificateChain), key });
  const doors = new DoorsClient(federation.coordinator.addresses.federation, credentials, options);
  onTestFinished(() => doors.close());
  return { doors, credentials, options, added, key };
}
