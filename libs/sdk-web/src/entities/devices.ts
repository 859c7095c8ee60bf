/** Devices of the machine, and what its browser can do. */

export interface ZegoDeviceInfo {
  deviceName: string;
  deviceID: string;
}

export interface ZegoDeviceInfos {
  cameras: ZegoDeviceInfo[];
  microphones: ZegoDeviceInfo[];
  speakers: ZegoDeviceInfo[];
}

export interface ZegoCapabilityError {
  name?: string;
  message?: string;
}

export interface ZegoCapabilityErrorInfo {
  webRTC?: ZegoCapabilityError;
  customCapture?: ZegoCapabilityError;
  camera?: ZegoCapabilityError;
  microphone?: ZegoCapabilityError;
  extendedDate?: string;
}

/** Which codecs can be sent. */
export interface ZegoVideoCodec {
  H264: boolean;
  VP8: boolean;
  H265: boolean;
  VP9?: boolean;
}

/** What is missing is named in errInfo. */
export interface ZegoCapabilityDetection {
  webRTC?: boolean;
  customCapture?: boolean;
  camera?: boolean;
  microphone?: boolean;
  screenSharing?: boolean;
  videoCodec?: ZegoVideoCodec;
  errInfo: ZegoCapabilityErrorInfo;
  /** Of the one check that was asked for. */
  result?: boolean;
}

/** Names of single checks, as checkSystemRequirements takes them. */
export interface ZegoCheckSingleType {
  webRTC: "webRTC";
  customCapture: "customCapture";
  camera: "camera";
  microphone: "microphone";
  screenSharing: "screenSharing";
  H264: "H264";
  VP8: "VP8";
  H265: "H265";
}

export interface ZegoElectronScreenSource {
  id: string;
  name: string;
  thumbnail: any;
}

export interface ZegoAutoSwitchDeviceConfig {
  camera?: boolean;
  microphone?: boolean;
}

export enum ZegoGeoFenceType {
  ZegoGeoFenceTypeNone,
  ZegoGeoFenceTypeInclude,
  ZegoGeoFenceTypeExclude,
}

export interface ZegoLocalProxyConfig {
  /** Address or host of this suite's gateway. */
  accesshubProxy: string;
  loggerProxy?: string;
  detaillogProxy?: string;
}

/** Scenarios of the engine's options; none has an effect. */
export enum ZegoScenario {
  Default = 3,
  StandardVideoCall,
  HighVideoCall,
  StandardChatroom,
  HighQualityChatroom,
  Broadcast,
  Karaoke,
  UNKNOWN = 100,
}
