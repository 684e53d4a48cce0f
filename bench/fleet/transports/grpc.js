'use strict';

/** gRPC's own balancing in the client: a connection to each server, and one after the other for each call. */

const { SERVICE, load } = require('../grpc.js');

const SCHEME = 'fleet';
const CONFIG = { loadBalancingConfig: [{ round_robin: {} }] };

/** As long as the head of a request of HTTP/1.1. */
const QUESTION = Buffer.alloc(64, '?');

module.exports = async ({ servers }) => {
  const grpc = load();
  const { registerResolver, statusOrFromValue } = grpc.experimental;
  const endpoints = [];
  const resolvers = new Set();
  const endpointOf = ({ port }) => ({ addresses: [{ host: '127.0.0.1', port }] });
  const tell = (listener) => listener(statusOrFromValue([...endpoints]), {}, null, '');

  /** Names of this scheme are the servers that there are at the moment, as if a name server had told them. */
  class Resolver {
    #hasTold = false;

    constructor(_target, listener) {
      this.listener = listener;
      resolvers.add(this);
    }

    /** gRPC asks again at each connection that fails; there is nothing new to say. */
    updateResolution() {
      if (this.#hasTold) return;
      this.#hasTold = true;
      process.nextTick(() => tell(this.listener));
    }

    destroy() {
      resolvers.delete(this);
    }

    static getDefaultAuthority() {
      return 'service';
    }
  }

  registerResolver(SCHEME, Resolver);
  endpoints.push(...servers.map(endpointOf));
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'Service');
  const client = new Client(`${SCHEME}:service`, grpc.credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify(CONFIG),
  });
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
  });
  return {
    request: () => new Promise((resolve, reject) => {
      client.ask(QUESTION, (error, answer) => (error ? reject(error) : resolve(String(answer[0]))));
    }),
    add(more) {
      endpoints.push(...more.map(endpointOf));
      for (const { listener } of resolvers) tell(listener);
    },
  };
};
