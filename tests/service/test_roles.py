"""What each method asks of its caller, compared with the Temporal server's own table."""

from polyrhythm.access.identity import Role
from polyrhythm.service.methods import METHODS
from polyrhythm.service.roles import role_of

WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"
OPERATOR = "/temporal.api.operatorservice.v1.OperatorService/"
OURS = "/polyrhythm.api.v1.PolyrhythmService/"
# Methods whose access is `AccessReadOnly` in release 1.31.2, or that are newer and read; all others
# but ADMIN are writes.
READS = """
    DescribeNamespace ListNamespaces GetWorkflowExecutionHistory GetWorkflowExecutionHistoryReverse
    CountActivityExecutions DescribeActivityExecution PollActivityExecution ListActivityExecutions
    ListOpenWorkflowExecutions ListClosedWorkflowExecutions ListWorkflowExecutions
    ListArchivedWorkflowExecutions ScanWorkflowExecutions CountWorkflowExecutions
    GetSearchAttributes QueryWorkflow DescribeWorkflowExecution DescribeTaskQueue GetClusterInfo
    ListTaskQueuePartitions DescribeSchedule ListScheduleMatchingTimes ListSchedules CountSchedules
    GetWorkerBuildIdCompatibility GetWorkerVersioningRules GetWorkerTaskReachability
    PollWorkflowExecutionUpdate DescribeBatchOperation ListBatchOperations DescribeDeployment
    ListDeployments GetDeploymentReachability GetCurrentDeployment DescribeWorkerDeploymentVersion
    DescribeWorkerDeployment ValidateWorkerDeploymentVersionComputeConfig ListWorkerDeployments
    DescribeWorkflowRule ListWorkflowRules ListWorkers DescribeWorker FetchWorkerConfig
    PollNexusOperationExecution PollWorkflowExecutionTimeSkipping DescribeNexusOperationExecution
    ListNexusOperationExecutions CountNexusOperationExecutions CountWorkers
    """.split()
ADMIN = ["RegisterNamespace", "UpdateNamespace", "DeprecateNamespace"]
OUR_READS = ["GetRunAt", "GetMetrics", "ReadLog", "GetProjection", "ListProjections", "ListJobs"]


def test_every_method_asks_for_the_role_of_its_access():
    for name, method in METHODS.items():
        short = method.short_name
        if name.startswith(OPERATOR):
            wanted = Role.READ if short == "ListSearchAttributes" else Role.ADMIN
        elif name.startswith(OURS):
            wanted = Role.READ if short in OUR_READS else Role.WRITE
        elif short == "GetSystemInfo":
            wanted = Role.NONE
        elif short in ADMIN:
            wanted = Role.ADMIN
        else:
            wanted = Role.READ if short in READS else Role.WRITE
        assert (method.role, role_of(name)) == (wanted, wanted), name


def test_a_method_that_nobody_knows_is_no_read():
    assert role_of(WORKFLOW + "RewriteEverything") is Role.WRITE
    assert role_of(OPERATOR + "GetSecrets") is Role.ADMIN
