// Bundles one program into one file that needs no node_modules at run time.
import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';

// grpc-health-check reads its .proto from its own folder at run time; a bundle has no such folder.
const inlineHealthProto = {
  name: 'inline-health-proto',
  setup(b) {
    b.onLoad({ filter: /grpc-health-check\/build\/src\/health\.js$/ }, ({ path }) => {
      const proto = readFileSync(
        path.replace(/build\/src\/health\.js$/, 'proto/health/v1/health.proto'),
        'utf8',
      );
      const before = readFileSync(path, 'utf8');
      const contents = before.replace(
        /\(0, proto_loader_1\.loadSync\)\('health\/v1\/health\.proto', /,
        () =>
          `(0, proto_loader_1.fromJSON)(require('protobufjs').parse(${JSON.stringify(proto)}, {keepCase: true}).root.toJSON(), `,
      );
      if (contents === before) throw new Error(`${path}: loadSync call not found; adapt scripts/bundle.mjs`);
      return { contents, loader: 'js' };
    });
  },
};

/** @param {string} entry TypeScript file @param {string} outfile made executable */
export async function bundle(entry, outfile) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: 'linked',
    legalComments: 'linked',
    logLevel: 'warning',
    plugins: [inlineHealthProto],
    // CommonJS inside an ES module bundle needs these three.
    banner: {
      js: [
        '#!/usr/bin/env node',
        "import { createRequire as __cr } from 'node:module'; import { fileURLToPath as __fu } from 'node:url';",
        'const require = __cr(import.meta.url); const __filename = __fu(import.meta.url); const __dirname = __fu(new URL(".", import.meta.url));',
      ].join('\n'),
    },
  });
  await chmod(outfile, 0o755);
}
