import type { Track } from '../types.ts';
import { describe } from './describe.ts';
import { type CameraOptions, Dialogue } from './dialogue.ts';

/**
 * Asks a camera once what it has (one connection, one DESCRIBE with authentication) and hangs up.
 *
 * @throws RtspError; `redirected` when the camera points anywhere but to itself.
 */
export async function probeRtsp(options: CameraOptions): Promise<{ tracks: Track[]; server: string }> {
  const dialogue = new Dialogue(options, { onInterleaved: () => undefined, onClose: () => undefined });
  try {
    await dialogue.open();
    const { tracks, server } = await describe(dialogue);
    return { tracks, server };
  } finally {
    dialogue.connection.close();
  }
}
