/** Objects that the vendor's engine makes and this one lacks: they can be made and called, and nothing comes of it. */

/** Names of an object's methods by the kind of their answer. */
interface Shape {
  promise?: string;
  boolean?: string;
  number?: string;
  nothing?: string;
}

export const OBJECTS = {
  createAudioEffectPlayer: {
    boolean: "stop pause resume setVolume seekTo",
    number: "getCurrentProgress getTotalDuration",
    nothing: "start",
  },
  createCopyrightedMusic: {
    promise:
      "initCopyrightedMusic sendExtendedRequest requestResource getSharedResource getSharedResourceByToken getLrcLyric getKrcLyricByToken download startScore getPreviousScore getAverageScore getTotalScore getFullScore getStandardPitch getCurrentPitch",
    boolean: "on off",
    number: "stopScore pauseScore resumeScore resetScore getDuration",
    nothing: "clearCache destroyInstance setScoringLevel",
  },
  createRangeAudioInstance: {
    promise: "selectMicrophone resumeAudioContext",
    boolean: "enableAiDenoise setAiDenoiseMode on off setVoiceChangerPreset setVoiceChangerParam isAudioContextRunning",
    nothing:
      "enableAudioSourceUpdateChecker setAudioReceiveRange updateSelfPosition updateAudioSource enableSpatializer enableMicrophone selectSpeaker enableSpeaker setRangeAudioCustomMode setRangeAudioMode setTeamID setPositionUpdateFrequency setRangeAudioVolume setStreamVocalRange updateStreamPosition setCustomSourceVocalRange updateCustomSourcePosition",
  },
  createRealTimeSequentialDataManager: {
    promise: "startBroadcasting startSubscribing",
    boolean: "stopBroadcasting sendRealTimeSequentialData stopSubscribing",
    nothing: "reset on off",
  },
  createStreamCompositor: {
    promise: "setInputEndpoint startComposingStream stopComposingStream",
    nothing: "addImage removeImage setOutputConfig",
  },
} satisfies Record<string, Shape>;

/** The object that `maker` answers with; `refuse` and `warn` are called with the method's whole name. */
export function inertObject(maker: keyof typeof OBJECTS, args: unknown[], refuse: (name: string) => Promise<never>, warn: (name: string) => void): object {
  warn(maker);
  const made: Record<string, unknown> = {};
  const add = (names: string | undefined, answer: (name: string) => unknown) => {
    for (const name of names?.split(" ") ?? []) made[name] = () => answer(`${maker}().${name}`);
  };
  const shape: Shape = OBJECTS[maker];
  add(shape.promise, refuse);
  add(shape.boolean, (name) => (warn(name), false));
  add(shape.number, (name) => (warn(name), 0));
  add(shape.nothing, warn);
  if (maker === "createRealTimeSequentialDataManager") made.roomID = args[0] ?? "";
  return made;
}
