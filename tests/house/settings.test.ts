import { readFileSync } from 'node:fs';
import { decoderSettings } from '@opennvr/decoder';
import { settingsSchema as embedded } from '@opennvr/embedded-media';
import { settingsSchema as kaic } from '@opennvr/kaic';
import { Settings as mediamtx } from '@opennvr/mediamtx';
import { simcamSettings } from '@opennvr/simcam';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from './sources.ts';

interface Node {
  properties?: Record<string, Node>;
  items?: Node;
}

/** `frames.capBytes`, `cameras[].id`: every value a settings file may hold. */
function keysOf(node: Node, path = ''): string[] {
  if (node.properties) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      keysOf(child, path ? `${path}.${key}` : key),
    );
  }
  return node.items?.properties ? keysOf(node.items, `${path}[]`) : [path];
}

/** The keys in the first column of a program's table. */
function documented(program: string): string[] {
  const text = readFileSync(`${root}/docs/operate/settings.md`, 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`\`${program}\``)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  );
}

describe('docs/operate/settings.md has every setting, and none that is not', () => {
  it.each<[string, z.ZodType]>([
    ['opennvr-decoder', decoderSettings],
    ['opennvr-kaic', kaic],
    ['opennvr-media-embedded', embedded],
    ['opennvr-media-mediamtx', mediamtx],
    ['opennvr-simcam', simcamSettings],
  ])('%s', (program, schema) => {
    const keys = keysOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node);
    expect(documented(program).sort()).toEqual(keys.sort());
  });
});
