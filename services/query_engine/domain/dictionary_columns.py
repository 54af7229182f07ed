"""The columns of AWS's reports and of FOCUS by their Athena names, as blocks of words.

Sources: AWS CUR user guide, "Data dictionary" (legacy report); AWS Data Exports user guide, "Cost and Usage
Report (CUR) 2.0" (table dictionary); product attributes as AWS Price List service attributes and reports of
several companies have them; FOCUS specification 1.0 to 1.3. Athena's name of an attribute has an underscore
before each capital, in lower case.
"""

CUR_TIMESTAMPS = """
    bill_billing_period_start_date bill_billing_period_end_date
    line_item_usage_start_date line_item_usage_end_date
"""

CUR_DECIMALS = """
    line_item_usage_amount line_item_normalization_factor line_item_normalized_usage_amount
    line_item_unblended_rate line_item_unblended_cost line_item_blended_rate line_item_blended_cost
    line_item_net_unblended_rate line_item_net_unblended_cost
    pricing_public_on_demand_cost pricing_public_on_demand_rate
    reservation_amortized_upfront_cost_for_usage reservation_amortized_upfront_fee_for_billing_period
    reservation_effective_cost reservation_recurring_fee_for_usage
    reservation_unused_amortized_upfront_fee_for_billing_period reservation_unused_normalized_unit_quantity
    reservation_unused_quantity reservation_unused_recurring_fee reservation_upfront_value
    reservation_net_amortized_upfront_cost_for_usage
    reservation_net_amortized_upfront_fee_for_billing_period reservation_net_effective_cost
    reservation_net_recurring_fee_for_usage reservation_net_unused_amortized_upfront_fee_for_billing_period
    reservation_net_unused_recurring_fee reservation_net_upfront_value
    savings_plan_amortized_upfront_commitment_for_billing_period
    savings_plan_recurring_commitment_for_billing_period savings_plan_savings_plan_effective_cost
    savings_plan_savings_plan_rate savings_plan_total_commitment_to_date savings_plan_used_commitment
    savings_plan_net_amortized_upfront_commitment_for_billing_period
    savings_plan_net_recurring_commitment_for_billing_period savings_plan_net_savings_plan_effective_cost
    split_line_item_actual_usage split_line_item_net_split_cost split_line_item_net_unused_cost
    split_line_item_public_on_demand_split_cost split_line_item_public_on_demand_unused_cost
    split_line_item_reserved_usage split_line_item_split_cost split_line_item_split_usage
    split_line_item_split_usage_ratio split_line_item_unused_cost
    discount_bundled_discount discount_edp_discount discount_ppa_discount
    discount_private_rate_discount discount_spp_discount discount_total_discount
"""

CUR_TEXTS = """
    identity_line_item_id identity_time_interval
    bill_bill_type bill_billing_entity bill_invoice_id bill_invoicing_entity bill_payer_account_id
    bill_payer_account_name
    line_item_availability_zone line_item_currency_code line_item_legal_entity
    line_item_line_item_description line_item_line_item_type line_item_operation line_item_product_code
    line_item_resource_id line_item_tax_type line_item_usage_account_id line_item_usage_account_name
    line_item_usage_type
    pricing_currency pricing_lease_contract_length pricing_offering_class pricing_purchase_option
    pricing_rate_code pricing_rate_id pricing_term pricing_unit
    reservation_availability_zone reservation_end_time reservation_modification_status
    reservation_normalized_units_per_reservation reservation_number_of_reservations
    reservation_reservation_a_r_n reservation_start_time reservation_subscription_id
    reservation_total_reserved_normalized_units reservation_total_reserved_units
    reservation_units_per_reservation
    savings_plan_end_time savings_plan_instance_type_family savings_plan_offering_type
    savings_plan_payment_option savings_plan_purchase_term savings_plan_region
    savings_plan_savings_plan_a_r_n savings_plan_start_time
    split_line_item_parent_resource_id
"""

CUR2_MAPS = "cost_category discount product resource_tags tags"

PRODUCT = """
    abd_instance_class access_type account_assistance activity_type alarm_type api_calls api_type
    architectural_review architecture_support architecture attachment_type attribute auto_scaling_supported
    availability availability_zone
    backup_job_type backupservice base_product_reference_code best_practices billing broker_engine bundle
    bundle_description bundle_group
    cache_engine cache_memory_size_gb cache_type calling_type capacity capacity_block capacitystatus
    case_severityresponse_times category channel cis_type ci_type classicnetworkingsupport client_location
    clock_speed cloud_formation_resource_provider cloudformationresource_provider cloudsearch_version
    comments component compute_family compute_type concurrency_scaling_free_usage connection_type
    content_source content_type cost_type country cputype crawler current_generation
    customer_service_and_communities
    data data_action data_type data_transfer_quota database_edition database_engine datatransferout
    dedicated_ebs_throughput deployment_option description device_os directory_size directory_type
    directory_type_description dominantnondominant durability
    ebs_optimized ecu edition element elastic_graphics_type endpoint endpoint_type engine engine_code
    engine_major_version engine_media_type engine_version enhanced_networking_support
    enhanced_networking_supported entity_type environment_type equivalentondemandsku eti_free_tier
    event_type execution_frequency execution_mode executionmode extended_support_pricing_year
    feature fee_code fee_description file_system_type filetype filetypes finding_group finding_source
    finding_storage flow frame_rate free_overage free_query_types free_tier free_trial free_usage_included
    from_location from_location_type from_region_code
    game_type georegioncode gets gpu gpu_memory graphqloperation group group_description
    hardware_version hosting_type
    included_services inference_type infrastructure input_mode insightstype instance instance_capacity10xlarge
    instance_capacity12xlarge instance_capacity16xlarge instance_capacity18xlarge instance_capacity24xlarge
    instance_capacity2xlarge instance_capacity32xlarge instance_capacity4xlarge instance_capacity8xlarge
    instance_capacity9xlarge instance_capacity_large instance_capacity_medium instance_capacity_metal
    instance_capacity_xlarge instance_family instance_function instance_name instance_sku instance_type
    instance_type_family instance_type_value intel_avx2_available intel_avx_available intel_turbo_available
    invocation io io_request_type isshadow iswebsocket
    job_type
    large_model_artifact launch_support license license_model license_type line_type location location_type
    logs_destination logs_source logs_type log_type
    machine_learning_process mailbox_storage marketoption max_iops_burst_performance max_iopsvolume
    max_throughputvolume max_volume_size maximum_capacity maximum_extended_storage maximum_storage_volume
    memory memory_gib memory_type message_count_fee message_delivery_frequency message_delivery_order
    message_type metering_type method minimum_storage_volume min_volume_size model model_provider monitoring
    network_performance newcode normalization_size_factor
    number_of_cores number_of_users
    offer offering_class ondemand operating_system operation operations_support opsitems order_type origin
    os_license_model output_mode overage_type overhead
    pack_size parameter_type parent_instance_type payment_currency_code performance_class
    physical_cores physical_cpu physical_gpu physical_processor pipeline plan_type platform
    platocomputetype platodataanalyzedtype platodatatype platofeaturetype platoinstancename
    platoinstancetype platopricingtype platoprotectionpolicytype platostoragename platostoragetype
    platotrafficdirection platotransfertype platousagetype platovolumetype
    port_speed pre_installed_sw pricingplan price_per_unit_tier pricing_unit pricingunit privacy_type
    proactive_guidance processor_architecture processor_features product_family product_name product_type
    product_schema_description programmatic_case_management protocol provider provisioned
    provisioning_type purchaseterm purchase_option
    qapair_storage qpu_type query_type queue_type
    ratetype realtime_operation recipient region region_code release_notes replication_type
    request_description request_type resource resource_assessment resource_endpoint resource_price_group
    resource_type resource_id resourcetype result_type rhel_hardware_type rides rootvolume routing_target
    routing_type rule_type running_mode
    sampling_rate schedule scan_type service service_code service_level servicecode servicename severity
    side_effect singleor_dual_pass sku snapshot_type snapshotarchivefeetype software_included software_type
    source_type standard_group standard_storage standard_storage_retention_included steps storage
    storage_class storage_description storage_family storage_media storage_tier storage_type
    streaming_unit subcategory subscription_type subservice supported_modes
    technical_support tenancy tenancy_support term_type thirdparty_software_support throughput
    throughput_capacity throughput_class ticket_type tier tier_type time_window titanedition to_location
    to_location_type to_region_code traffic_direction training transaction_type transcoding_result
    transfer_type
    unit upfront_commitment usage_family usage_group usage_volume usagetype user_volume
    vaulttype vcpu version video_codec video_frame_rate video_memory_gib video_quality_setting
    video_resolution virtual_interface_type volume_api_name volume_type volume_usage vpcnetworkingsupport
    with_active_users who_can_open_cases workforce_type
"""

FOCUS_DECIMALS = """
    BilledCost CommitmentDiscountQuantity ConsumedQuantity ContractedCost ContractedUnitPrice EffectiveCost
    ListCost ListUnitPrice PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
    PricingCurrencyListUnitPrice PricingQuantity
"""

FOCUS_TIMESTAMPS = "BillingPeriodEnd BillingPeriodStart ChargePeriodEnd ChargePeriodStart"

FOCUS_MAPS = "Tags x_Discounts"

FOCUS_TEXTS = """
    AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags
    AvailabilityZone BillingAccountId BillingAccountName BillingAccountType BillingCurrency
    CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription
    ChargeFrequency CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName
    CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
    CommitmentProgramEligibilityDetails ConsumedUnit ContractApplied HostProviderName InvoiceId
    InvoiceIssuerName PricingCategory PricingCurrency PricingUnit ProviderName PublisherName RegionId
    RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceProviderName
    ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType
    x_Operation x_ServiceCode x_UsageType
"""
