/**
 * The brains of a tenant for agents: an MCP server over Streamable HTTP. Stateless: a server lives for one request, so any
 * replica answers, and keys, scopes and limits are those of every other route.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { callerGone, onClose } from '../../shared/http/on-close.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { ChatContext } from '../context.ts';
import { asksForProgress } from './progress.ts';
import { registerTools } from './tools.ts';

export function serveMcp(context: ChatContext): void {
  const { app } = context;
  serve(app, routes.mcp, async ({ body, identity, request, reply }) => {
    // A tool hears that its caller leaves, not that they have left.
    if (reply.raw.destroyed) throw callerGone();
    const server = new McpServer(
      { name: 'bulkhead', version: '1' },
      { instructions: 'Documents lie in brains: list_brains first, then search or ask in one of them.' },
    );
    registerTools(server, { context, identity, requestId: request.id, reply });
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !asksForProgress(body) });
    await server.connect(transport);
    // Ends the work of who is gone, and lets go of a server whose request is answered.
    onClose(reply.raw, () => void server.close());
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers))
      if (typeof value === 'string') headers.set(name, value);
    const url = new URL(request.url, 'http://localhost');
    const answer = await transport.handleRequest(new Request(url, { method: 'POST', headers }), { parsedBody: body });
    for (const [name, value] of answer.headers) reply.header(name, value);
    reply.code(answer.status);
    if (answer.headers.get('content-type') !== 'text/event-stream') return reply.send(await answer.text());
    // nginx and its kin would collect the stream before passing it on.
    return reply.header('x-accel-buffering', 'no').send(answer.body);
  });

  // Streams that a server starts, and ends of sessions: a stateless server says 405, which clients expect.
  app.http.route({
    method: ['GET', 'DELETE'],
    url: routes.mcp.path,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      reply.header('allow', 'POST');
      throw new ProblemError(
        'method-not-allowed',
        `The method is ${request.method}, allowed is POST: there are no sessions.`,
      );
    },
  });
}
