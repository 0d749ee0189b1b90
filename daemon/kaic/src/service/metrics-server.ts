import { once } from 'node:events';
import { createServer } from 'node:http';
import { clearSocketPath, restrictSocket } from '@opennvr/service';

const MAX_CONNECTIONS = 16;
const TIMEOUT_MS = 5000;

/**
 * Serves `GET /metrics` over HTTP on a unix socket, for whoever scrapes this machine.
 *
 * @throws SocketPathError when the path is not free.
 */
export async function serveMetrics(socketPath: string, text: () => string): Promise<{ close(): void }> {
  await clearSocketPath(socketPath);
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      keepAliveTimeout: TIMEOUT_MS,
    },
    (request, response) => {
      const found = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
      response.writeHead(found ? 200 : 404, {
        'content-type': found ? 'text/plain; version=0.0.4; charset=utf-8' : 'text/plain; charset=utf-8',
      });
      response.end(found ? text() : 'GET /metrics is all there is\n');
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(2 * TIMEOUT_MS);
  server.listen(socketPath);
  await once(server, 'listening');
  restrictSocket(socketPath);
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
