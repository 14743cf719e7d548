import { connectAsMember } from '../../link/connection.ts';
import { renew } from '../../link/enrol.ts';
import { responseCallsOf } from '../../link/response-calls.ts';
import type { ConnectToRounds } from '../round-calls.ts';
import { fetchModel, submitUpdate, tellAlerts, tellMap, uploadStatus } from './calls.ts';
import { watch } from './watch.ts';

/** Rounds over gRPC and mutual TLS. */
export const connectOverGrpc: ConnectToRounds = (address, identity) => {
  const connection = connectAsMember(address, identity);
  const { federation } = connection;
  return {
    watch: (options) => watch(federation, options, identity),
    fetch: (request, carrier) => fetchModel(federation, request, carrier),
    status: (request, options) => uploadStatus(federation, request, options),
    submit: (parts, options) => submitUpdate(federation, parts, options),
    renew: (current, limits) => renew(connection, current, limits),
    tellAlerts: (told, options) => tellAlerts(federation, told, options),
    tellMap: (told, options) => tellMap(federation, told, options),
    responses: responseCallsOf(connection.responses),
    close: () => connection.close(),
  };
};
