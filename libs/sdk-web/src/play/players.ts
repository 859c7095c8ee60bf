/** All players of one room, and which of them carries which stream. */
import type { Playback, Player } from "./player";

/** The players of a room. A stream goes from one to the next until one reaches it; the last is always a new one, which can reach any node. */
export class Players {
  readonly all: Player[] = [];

  /** `make` gives a player that calls its argument with a playback that it cannot reach. */
  constructor(private readonly make: (onUnreachable: (playback: Playback) => void) => Player) {
    this.add();
  }

  /** The player that has a connection before any stream is played. */
  get first(): Player {
    return this.all[0]!;
  }

  /**
   * The stream's media changed. Where it went to another transport, the player stays connected with the old one until media flows on a new
   * connection; a player that is already connected with the same node carries it too.
   */
  mediaChanged(streamID: string, movedTo?: string): void {
    const from = this.playerOf(streamID);
    const playback = from?.find(streamID);
    if (!from || !playback) return;
    if (movedTo === undefined || movedTo === from.node || !from.canLend(playback)) return from.mediaChanged(streamID);
    const others = this.all.filter((player) => player !== from);
    const to = others.find(({ node }) => node === movedTo) ?? others.find(({ idle }) => idle) ?? this.add();
    to.node = movedTo;
    from.lend(playback, to);
  }

  /** The player that plays the stream. */
  playerOf(streamID: string): Player | undefined {
    return this.all.find((player) => player.find(streamID) !== undefined);
  }

  private add(): Player {
    const index = this.all.length;
    const player = this.make((playback) => (this.all[index + 1] ?? this.add()).takeOver(playback));
    this.all.push(player);
    return player;
  }
}
