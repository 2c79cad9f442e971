/**
 * What port mapping (core/reach/port-mapping) needs of the host, besides runtime-node.ts: which router is the default
 * one, HTTP to it, and its multicasts. Loaded when a node first maps a port. Nothing here keeps a process alive.
 */
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { Agent, ClientRequest, type IncomingMessage } from 'node:http';
import { defaultRoute4, defaultRoute6, ROUTES_LIMIT_BYTES } from './reach/port-mapping/default-route';
import type { Gateway, GatewayAccess, GatewayRequest, GatewayResponse, Timers } from './runtime';
import type { Endpoint } from './wire/addresses';

/** As in runtime-node.ts, which loads this file. */
const HOST_SOCKET = Symbol.for('ntmobile.host');
const RESPONSE_LIMIT_BYTES = 128 << 10;
const RESPONSE_LIMIT_MS = 4_000;
/** The router is on this network. Connecting is what holds a program's end up, be it never so unreferenced. */
const CONNECT_LIMIT_MS = 500;
/** Somewhere on the Internet, to which nothing is sent: the route there has the address that packets come from. */
const ANYWHERE = { address: '2001:db8::1', port: 9 };

/** `localAddress`: where this host sends from to an endpoint; empty: nowhere. */
export function gatewayAccess(timers: Timers, localAddress: (to: Endpoint) => Promise<string>): GatewayAccess {
  return {
    findGateway: (family) => findGateway(family, localAddress),
    joinGroup,
    request: (request, done) => exchange(timers, request, done),
  };
}

/** From Linux's procfs; elsewhere nothing is found. */
async function findGateway(
  family: 4 | 6,
  localAddress: (to: Endpoint) => Promise<string>,
): Promise<Gateway | undefined> {
  const file = family === 4 ? '/proc/net/route' : '/proc/net/ipv6_route';
  const table = await readFile(file, 'latin1').catch(() => '');
  const route = (family === 4 ? defaultRoute4 : defaultRoute6)(table.slice(0, ROUTES_LIMIT_BYTES));
  if (!route) return undefined;
  const local = await localAddress(family === 4 ? { address: route.address, port: 9 } : ANYWHERE);
  return local === '' ? undefined : { family, address: route.address, localAddress: local };
}

/**
 * Bound to the group, so that it takes no datagram from another program of this host that has the port; other programs
 * may listen there, too. Where this does not work nothing is heard.
 */
function joinGroup(
  group: Endpoint,
  local: string,
  onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
): () => void {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  Object.defineProperty(socket, HOST_SOCKET, { value: true });
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  socket.unref();
  socket.on('error', close);
  socket.on('message', (datagram, { address, port }) => onDatagram(datagram, { address, port }));
  socket.bind({ ...group, exclusive: true }, () => {
    try {
      socket.addMembership(group.address, local);
    } catch {
      close();
    }
  });
  return close;
}

function exchange(
  timers: Timers,
  request: GatewayRequest,
  done: (response: GatewayResponse | undefined) => void,
): () => void {
  let isOver = false;
  let isConnected = false;
  const stop = (): void => {
    isOver = true;
    for (const limit of limits) limit.cancel();
    sent.destroy();
  };
  const finish = (response: GatewayResponse | undefined): void => {
    if (isOver) return;
    stop();
    done(response);
  };
  const limits = [
    timers.schedule(RESPONSE_LIMIT_MS, () => finish(undefined)),
    timers.schedule(CONNECT_LIMIT_MS, () => isConnected || finish(undefined)),
  ];
  const sent = send(request, finish);
  sent.on('socket', (socket) => socket.on('connect', () => (isConnected = true)));
  return stop;
}

function send(
  { url, method, headers, body = '' }: GatewayRequest,
  finish: (response: GatewayResponse | undefined) => void,
): ClientRequest {
  const { hostname: host, port, pathname, search } = url;
  const length = { 'content-length': Buffer.byteLength(body) };
  const request = new ClientRequest(
    {
      ...{ host, port: port || 80, path: `${pathname}${search}`, method },
      headers: { ...headers, ...(method === 'POST' && length), connection: 'close' },
      agent: new Agent({ keepAlive: false }),
      insecureHTTPParser: true, // routers are not always strict
    },
    (response) => read(response, finish),
  );
  request.on('socket', (socket) => socket.unref());
  request.on('error', () => finish(undefined));
  request.end(body);
  return request;
}

function read(response: IncomingMessage, finish: (response: GatewayResponse | undefined) => void): void {
  const parts: Buffer[] = [];
  let length = 0;
  response.on('data', (part: Buffer) => {
    length += part.length;
    if (length > RESPONSE_LIMIT_BYTES) return finish(undefined);
    parts.push(part);
  });
  response.on('error', () => finish(undefined));
  response.on('aborted', () => finish(undefined));
  response.on('end', () => {
    finish({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') });
  });
}
