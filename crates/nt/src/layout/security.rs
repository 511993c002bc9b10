//! Descriptors, access and who asks.

layouts! {
    /// An absolute security descriptor.
    security_descriptor = "SECURITY_DESCRIPTOR", "ntifs.h", 0x28 {
        REVISION = "Revision", 0x0, 0x1;
        SBZ1 = "Sbz1", 0x1, 0x1;
        CONTROL = "Control", 0x2, 0x2;
        OWNER = "Owner", 0x8, 0x8;
        GROUP = "Group", 0x10, 0x8;
        SACL = "Sacl", 0x18, 0x8;
        DACL = "Dacl", 0x20, 0x8;
    }

    /// Tokens of the caller.
    security_subject_context = "SECURITY_SUBJECT_CONTEXT", "wdm.h", 0x20 {
        CLIENT_TOKEN = "ClientToken", 0x0, 0x8;
        IMPERSONATION_LEVEL = "ImpersonationLevel", 0x8, 0x4;
        PRIMARY_TOKEN = "PrimaryToken", 0x10, 0x8;
        PROCESS_AUDIT_ID = "ProcessAuditId", 0x18, 0x8;
    }

    /// State of an access check in progress.
    access_state = "ACCESS_STATE", "wdm.h", 0xa0 {
        OPERATION_ID = "OperationID", 0x0, 0x8;
        SECURITY_EVALUATED = "SecurityEvaluated", 0x8, 0x1;
        GENERATE_AUDIT = "GenerateAudit", 0x9, 0x1;
        GENERATE_ON_CLOSE = "GenerateOnClose", 0xa, 0x1;
        PRIVILEGES_ALLOCATED = "PrivilegesAllocated", 0xb, 0x1;
        FLAGS = "Flags", 0xc, 0x4;
        REMAINING_DESIRED_ACCESS = "RemainingDesiredAccess", 0x10, 0x4;
        PREVIOUSLY_GRANTED_ACCESS = "PreviouslyGrantedAccess", 0x14, 0x4;
        ORIGINAL_DESIRED_ACCESS = "OriginalDesiredAccess", 0x18, 0x4;
        SUBJECT_SECURITY_CONTEXT = "SubjectSecurityContext", 0x20, 0x20;
        SECURITY_DESCRIPTOR = "SecurityDescriptor", 0x40, 0x8;
        AUX_DATA = "AuxData", 0x48, 0x8;
        PRIVILEGES = "Privileges", 0x50, 0x2c;
        AUDIT_PRIVILEGES = "AuditPrivileges", 0x7c, 0x1;
        OBJECT_NAME = "ObjectName", 0x80, 0x10;
        OBJECT_TYPE_NAME = "ObjectTypeName", 0x90, 0x10;
    }

    /// How far a server may act for its client.
    security_quality_of_service = "SECURITY_QUALITY_OF_SERVICE", "ntdef.h", 0xc {
        LENGTH = "Length", 0x0, 0x4;
        IMPERSONATION_LEVEL = "ImpersonationLevel", 0x4, 0x4;
        CONTEXT_TRACKING_MODE = "ContextTrackingMode", 0x8, 0x1;
        EFFECTIVE_ONLY = "EffectiveOnly", 0x9, 0x1;
    }
}
