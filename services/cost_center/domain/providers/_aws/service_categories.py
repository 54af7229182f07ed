"""AWS product code (lineItem/ProductCode) -> FOCUS ServiceCategory.

Our own reading of what each service is, in the values that FOCUS 1.2 allows. A code that is not here is
`Other`; some services bill under codes of their own for a part of them, which have their own line.
"""

_BY_CATEGORY: dict[str, str] = {
    "AI and Machine Learning": """
        AmazonA2I AmazonBedrock AmazonBedrockFoundationModels AmazonCodeWhisperer AmazonComprehend
        AmazonDevOpsGuru AmazonEI AmazonForecast AmazonFraudDetector AmazonHealthLake AmazonKendra AmazonLex
        AmazonLookoutEquipment AmazonLookoutMetrics AmazonLookoutVision AmazonMonitron AmazonOmics
        AmazonPersonalize AmazonPolly AmazonQ AmazonRekognition AmazonSageMaker AmazonTextract
        AmazonTranscribe AmazonTranslate AWSDeepComposer AWSDeepRacer AWSPanorama comprehend comprehendmedical
        MachineLearningSavingsPlans transcribe translate
    """,
    "Analytics": """
        AmazonAthena AmazonCloudSearch AmazonDataZone AmazonES AmazonFinSpace AmazonKinesis
        AmazonKinesisAnalytics AmazonKinesisFirehose AmazonMSK AmazonQuickSight AWSCleanRooms
        AWSDataExchange AWSEntityResolution AWSGlue AWSGlueElasticViews AWSLakeFormation datapipeline
        ElasticMapReduce
    """,
    "Business Applications": """
        A4B AmazonChime AmazonChimeBusinessCalling AmazonChimeCallMe AmazonChimeDialin AmazonChimeFeatures
        AmazonChimeServices AmazonChimeVoiceConnector AmazonConnect AmazonConnectCases AmazonHoneycode
        AmazonPinpoint AmazonSES AmazonWAM AmazonWorkDocs AmazonWorkMail AWSSupplyChain AWSWickr AWSWisdom
        ContactCenterTelecomm ContactLensAmazonConnect CustomerProfiles
    """,
    "Compute": """
        AmazonAppStream AmazonEC2 AmazonECR AmazonECRPublic AmazonECS AmazonEKS AmazonEKSAnywhere
        AmazonLightsail AmazonWorkSpaces AmazonWorkSpacesThinClient AmazonWorkSpacesWeb AWSAppRunner AWSBatch
        AWSEvs AWSLambda AWSOutposts AWSParallelComputingService AWSSimSpaceWeaver ComputeSavingsPlans
        EC2InstanceSavingsPlans ElasticBeanstalk SimSpaceWeaver VMwareCloudOnAWS
    """,
    "Databases": """
        AmazonDAX AmazonDocDB AmazonDynamoDB AmazonElastiCache AmazonKeyspaces AmazonMCS AmazonMemoryDB
        AmazonNeptune AmazonQLDB AmazonRDS AmazonRedshift AmazonSimpleDB AmazonTimestream AuroraDSQL
        DatabaseSavingsPlans OracleDatabaseAtAWS
    """,
    "Developer Tools": """
        AWSCloud9 AWSCloudShell AWSCodeArtifact AWSCodeCommit AWSCodeDeploy AWSCodePipeline AWSDeviceFarm
        AWSFIS AWSXRay CodeBuild CodeCatalyst CodeGuru
    """,
    "Identity": """
        AmazonCognito AmazonCognitoSync AmazonVerifiedPermissions AWSDirectoryService AWSIAMAccessAnalyzer
    """,
    "Integration": """
        AmazonApiGateway AmazonEventBridge AmazonMQ AmazonMWAA AmazonSNS AmazonStates AmazonSWF AppFlow
        AWSAppFabric AWSAppSync AWSB2Bi AWSEvents AWSQueueService
    """,
    "Internet of Things": """
        AWSGreengrass AWSIoT AWSIoT1Click AWSIoTAnalytics AWSIoTEvents AWSIoTFleetWise AWSIoTSiteWise
        AWSIoTThingsGraph AWSIoTTwinMaker IoTDeviceDefender IoTDeviceManagement IoTTwinMaker
    """,
    "Management and Governance": """
        AmazonCloudWatch AmazonGrafana AmazonPrometheus AWSBillingConductor AWSBudgets AWSCloudFormation
        AWSCloudTrail AWSConfig AWSControlTower AWSCostExplorer AWSResilienceHub AWSResourceExplorer
        AWSServiceCatalog AWSSupportBusiness AWSSupportDeveloper AWSSupportEnterprise AWSSystemsManager
        AWSTrustedAdvisor AWSUserNotifications OpsWorks
    """,
    "Media": """
        AmazonETS AmazonInteractiveVideoService AmazonIVS AmazonKinesisVideo AWSDeadlineCloud
        AWSElementalMediaConvert AWSElementalMediaLive AWSElementalMediaPackage AWSElementalMediaStore
        AWSElementalMediaTailor AWSMediaConnect nimble
    """,
    "Migration": """
        AWSApplicationDiscovery AWSApplicationMigrationSvc AWSDatabaseMigrationSvc AWSM2 AWSMigrationHub
        AWSMigrationHubRefactorSpaces AWSTransfer
    """,
    "Networking": """
        AmazonCloudFront AmazonRoute53 AmazonVPC AmazonVPCLattice AWSAppMesh AWSCloudMap AWSCloudWAN
        AWSDataTransfer AWSDirectConnect AWSELB AWSGlobalAccelerator AWSNetworkFirewall AWSPrivate5G
        AWSTransitGateway AWSVPN
    """,
    "Security": """
        AmazonDetective AmazonGuardDuty AmazonInspector AmazonInspectorV2 AmazonMacie AmazonSecurityLake
        auditmanager AWSArtifact AWSCertificateManager AWSCloudHSM AWSFMS awskms AWSPaymentCryptography
        AWSPrivateCA AWSSecretsManager AWSSecurityHub AWSSecurityIncidentResponse AWSShield awswaf CloudHSM
    """,
    "Storage": """
        AmazonEBS AmazonEFS AmazonFSx AmazonGlacier AmazonS3 AmazonS3GlacierDeepArchive AWSBackup AWSDataSync
        AWSElasticDisasterRecovery AWSImportExport AWSStorageGateway AWSStorageGatewayDeepArchive
        IngestionServiceSnowball SnowballExtraDays
    """,
    "Web": """
        AmazonLocationService AmazonManagedBlockchain AWSAmplify
    """,
    "Other": """
        AmazonBraket AmazonGameLift AWSGroundStation AWSMarketplace AWSRoboMaker OCBElasticComputeCloud
        OCBPremiumSupport
    """,
}

SERVICE_CATEGORIES: dict[str, str] = {
    code: category for category, codes in _BY_CATEGORY.items() for code in codes.split()
}

CATEGORIES = frozenset(_BY_CATEGORY) | {"Multicloud", "Mobile"}
"""The values of ServiceCategory that FOCUS 1.2 allows."""
