import '../tap/load-server.ts';
