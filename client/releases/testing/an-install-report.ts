import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { InstallReport } from '../../../proto/release/install-report.ts';

export const anInstallReport: InstallReport = {
  federation: 'f' as FederationId,
  cluster: 'c' as ClusterId,
  track: 'syscall' as TrackId,
  version: 1,
  manifestDigest: digestOf(Buffer.from('manifest')),
  outcome: 'installed',
  faultCode: '',
  pinsVersion: 0,
  atMs: 0,
};
