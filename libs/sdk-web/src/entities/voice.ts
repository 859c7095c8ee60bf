/** Settings of voices. The browser's noise suppression is used for every AiDenoiseMode; the others have no effect. */

export enum AiDenoiseMode {
  AI,
  AIBalanced,
  AIAggressive,
}

export enum ZegoLiveAudioEffectMode {
  None,
  Local,
  Publish,
  All,
}

export enum ZegoVoiceChangerPreset {
  NONE,
  MEN_TO_CHILD,
  MEN_TO_WOMEN,
  WOMEN_TO_CHILD,
  WOMEN_TO_MEN,
  FOREIGNER,
  OPTIMUS_PRIME,
  ANDROID,
  ETHEREAL,
  MALE_MAGNETIC,
  FEMALE_FRESH,
  MAJOR_C,
  MINOR_A,
  HARMONIC_MINOR,
  FEMALE_ENERGETIC,
  RICHNESS,
  MUFFLED,
  ROUNDNESS,
  FALSETTO,
  FULLNESS,
  CLEAR,
  HIGHLY_RESONANT,
  LOUD_CLEAR,
}

export enum ZegoReverbPreset {
  None,
  SoftRoom,
  LargeRoom,
  ConcertHall,
  Valley,
  RecordingStudio,
  Basement,
  KTV,
  Popular,
  Rock,
  VocalConcert,
  GramoPhone,
  EnhancedKTV,
}
